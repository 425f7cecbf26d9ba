"""S005: parameter value."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S005",
    title="Parameter value",
    severity="error",
    family="structure",
    what="A parameter has the wrong type, is out of range, or is an expression without value.",
    why="The block could not be constructed.",
    example='dropout: 1.5, or hidden_size: "4*widht".',
    instead="Give a value of the type and range that the inspector shows.",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "Dropout", "params": {"p": 1.5}}}, [("h.out", "act.x")], "act.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional(
        {"act": {"call": "Dropout", "params": {"p": 0.5}}}, [("h.out", "act.x")], "act.out"
    )
