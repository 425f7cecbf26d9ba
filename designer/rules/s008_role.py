"""S008: role mismatch."""

from designer.rules import Rule

RULE = Rule(
    code="S008",
    title="Role mismatch",
    severity="error",
    family="structure",
    what="A value of one kind arrives at a port for another, such as tokens at a map.",
    why="The shapes may even fit by accident, the meaning does not.",
    example="Class labels into the timestep port.",
    instead="Insert the block that converts: PatchEmbed, Unpatchify, an embedding.",
    article="2.4.2",
)
