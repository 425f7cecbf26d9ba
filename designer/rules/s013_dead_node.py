"""S013: node without effect."""

from designer.diagnostics import Diagnostic, Fix
from designer.document import Design
from designer.rules import Rule, examples

RULE = Rule(
    code="S013",
    title="Node without effect",
    severity="warning",
    family="structure",
    what="A node leads to no output.",
    why="It would cost parameters and time and do nothing; its parameters get no gradient.",
    example="A convolution whose output is not connected.",
    instead="Connect it or delete it.",
    article="2.1",
)


def fix(design: Design, diagnostic: Diagnostic) -> Fix:
    """Delete the node."""
    definition, _, node = diagnostic.node.partition("/")
    return Fix(f"Delete {node}", ({"op": "remove", "definition": definition, "node": node},))


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "SiLU"}, "idle": {"call": "SiLU"}},
        [("h.out", "act.x"), ("h.out", "idle.x")],
        "act.out",
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
