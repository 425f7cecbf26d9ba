"""S016: no size fits."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S016",
    title="No size fits",
    severity="error",
    family="structure",
    what="The sizes asked for by different parts of the network exclude each other for every input.",
    why="There is no image that the network accepts.",
    example="A skip joined after two halvings and one doubling.",
    instead="Resample the skip, or connect it to the decoder level of its own resolution.",
    article="4, 8",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _halved(False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _halved(True)


def _halved(upsample: bool) -> examples.Document:
    middle = {
        "down": {"call": "DownsampleConv"},
        "up": {"call": "UpsampleConv", "when": "True" if upsample else "False"},
    }
    return examples.convolutional(middle, [("h.out", "down.x"), ("down.out", "up.x")], "up.out")
