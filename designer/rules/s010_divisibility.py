"""S010: sizes do not divide."""

from designer.rules import Rule, examples

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


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _normalised(5)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _normalised(4)


def _normalised(num_groups: int) -> examples.Document:
    return examples.convolutional(
        {"norm": {"call": "GroupNorm", "params": {"num_groups": num_groups}}},
        [("h.out", "norm.x")],
        "norm.out",
    )
