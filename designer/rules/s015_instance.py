"""S015: shared instance differs."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S015",
    title="Shared instance differs",
    severity="error",
    family="structure",
    what="Nodes that share weights differ in call, parameters or repeat.",
    why="One module cannot be two things.",
    example="Two Linear nodes of one instance with different out_features.",
    instead="Make them equal, or drop the instance name.",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _shared(3, 1)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _shared(3, 3)


def _shared(first: int, second: int) -> examples.Document:
    def conv(size: int) -> dict[str, object]:
        return {
            "call": "Conv2d",
            "instance": "conv",
            "params": {"out_channels": 16, "kernel_size": size, "padding": size // 2},
        }

    return examples.convolutional(
        {"conv_1": conv(first), "conv_2": conv(second)},
        [("h.out", "conv_1.x"), ("conv_1.out", "conv_2.x")],
        "conv_2.out",
    )
