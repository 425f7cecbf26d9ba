"""S010: sizes do not divide."""

from designer.rules import Rule

RULE = Rule(
    code="S010",
    title="Sizes do not divide",
    severity="error",
    family="structure",
    what="A block's condition on its numbers fails: groups into channels, heads into width, patches into pixels.",
    why="The block cannot be built.",
    example="GroupNorm of 32 groups over 48 channels.",
    instead="Choose the nearest value that divides.",
    article="2.1, 2.4.2",
)
