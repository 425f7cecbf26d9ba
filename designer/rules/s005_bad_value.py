"""S005: parameter value."""

from designer.rules import Rule

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
