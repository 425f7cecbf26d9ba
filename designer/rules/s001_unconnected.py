"""S001: unconnected input."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S001",
    title="Unconnected input",
    severity="error",
    family="structure",
    what="A required input of a node has no edge.",
    why="The node cannot be called; nothing after it has a shape.",
    example="A Conv2d whose port x has no edge.",
    instead="Connect the port, or delete the node.",
    article="2.1",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [], "act.out")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
