"""S014: output mismatch."""

from designer.rules import Rule

RULE = Rule(
    code="S014",
    title="Output mismatch",
    severity="error",
    family="structure",
    what="What leaves a definition is not what it declares.",
    why="Callers rely on the declared shape.",
    example="A U-Net that declares 3 output channels and ends in a convolution to 4.",
    instead="Set the channels of the last layer, or the declaration.",
    article="2.1",
)
