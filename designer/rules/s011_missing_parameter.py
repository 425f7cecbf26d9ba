"""S011: missing parameter."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S011",
    title="Missing parameter",
    severity="error",
    family="structure",
    what="A parameter has no value, no default, and cannot be inferred from the inputs.",
    why="The block cannot be constructed.",
    example="Conv2d without out_channels.",
    instead="Set the parameter.",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _convolved({})


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _convolved({"out_channels": 8})


def _convolved(params: dict[str, int]) -> examples.Document:
    return examples.convolutional(
        {"conv": {"call": "Conv2d", "params": params}}, [("h.out", "conv.x")], "conv.out"
    )
