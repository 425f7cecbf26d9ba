"""S004: unknown parameter."""

from designer.rules import Rule

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
