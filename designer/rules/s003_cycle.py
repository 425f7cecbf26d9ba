"""S003: loop."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S003",
    title="Loop",
    severity="error",
    family="structure",
    what="Nodes feed each other in a circle, or a definition calls itself.",
    why="A feed-forward network has no order in which to run a loop.",
    example="conv1 → conv2 → conv1.",
    instead="Remove one edge of the loop; for a repeated block use repeat.",
    article="2.1",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"add": {"call": "Add"}, "act": {"call": "SiLU"}},
        [("h.out", "add.a"), ("act.out", "add.b"), ("add.out", "act.x")],
        "act.out",
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
