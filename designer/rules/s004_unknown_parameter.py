"""S004: unknown parameter."""

from designer.diagnostics import Diagnostic, Fix
from designer.document import Design
from designer.rules import Rule, examples

RULE = Rule(
    code="S004",
    title="Unknown parameter",
    severity="error",
    family="structure",
    what="A node sets a parameter that its block or definition does not have.",
    why="The value would be ignored, silently.",
    example='Conv2d with "kernel": 3; the parameter is kernel_size.',
    instead="Use the name that the message suggests.",
)


def fix(design: Design, diagnostic: Diagnostic) -> Fix:
    """Drop the parameter."""
    definition, _, node = diagnostic.node.partition("/")
    operation = {
        "op": "set",
        "definition": definition,
        "node": node,
        "param": diagnostic.received,
        "value": None,
    }
    return Fix(f"Drop the parameter {diagnostic.received}", (operation,))


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "SiLU", "params": {"slope": 2}}}, [("h.out", "act.x")], "act.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
