"""S012: repeat."""

from designer.rules import Rule

RULE = Rule(
    code="S012",
    title="Repeat",
    severity="error",
    family="structure",
    what="A repeat count is no reasonable number, or a stack has not one item for each iteration.",
    why="The loop cannot be unrolled.",
    example="Three skips handed to a decoder level of two blocks.",
    instead="Make the counts equal; DDPM decoders have one block more than encoders.",
    article="2.1.3",
)
