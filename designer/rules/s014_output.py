"""S014: output mismatch."""

from designer.rules import Rule, examples

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


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _output(4)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _output(3)


def _output(channels: int) -> examples.Document:
    return examples.design(
        {
            "embed": {"call": "TimestepEmbedding", "params": {"dim": 16}},
            "fc": {"call": "Linear", "params": {"out_features": 3}},
            "h": {"call": "AddEmbedding"},
            "conv": {"call": "Conv2d", "params": {"out_channels": channels}},
        },
        [
            ("t", "embed.t"),
            ("embed.out", "fc.x"),
            ("x", "h.x"),
            ("fc.out", "h.embedding"),
            ("h.out", "conv.x"),
        ],
        "conv.out",
    )
