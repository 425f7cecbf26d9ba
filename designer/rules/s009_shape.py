"""S009: shape mismatch."""

from designer.rules import Rule

RULE = Rule(
    code="S009",
    title="Shape mismatch",
    severity="error",
    family="structure",
    what="The shape that arrives is not the shape that the node takes.",
    why="PyTorch would fail here, at run time.",
    example="Add of [B, 128, H, W] and [B, 64, H, W].",
    instead="Insert a 1×1 convolution on one side, or set the channels equal.",
    article="5.3, 6, 7",
)
