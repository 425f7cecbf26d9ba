"""S006: edge without end."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S006",
    title="Edge without end",
    severity="error",
    family="structure",
    what="An edge or output names a node or port that does not exist.",
    why="The edge connects nothing.",
    example='["conv1.y", "norm.x"]; the output of Conv2d is out.',
    instead="Use a port that the message lists.",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.y", "act.x")], "act.out")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
