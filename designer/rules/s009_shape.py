"""S009: shape mismatch."""

from designer.rules import Rule, examples

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


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _skip(8)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _skip(16)


def _skip(channels: int) -> examples.Document:
    return examples.convolutional(
        {"conv": {"call": "Conv2d", "params": {"out_channels": channels}}, "add": {"call": "Add"}},
        [("h.out", "conv.x"), ("h.out", "add.a"), ("conv.out", "add.b")],
        "add.out",
    )
