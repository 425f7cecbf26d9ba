"""S011: missing parameter."""

from designer.rules import Rule

RULE = Rule(
    code="S011",
    title="Missing parameter",
    severity="error",
    family="structure",
    what="A parameter has no value, no default, and cannot be inferred from the inputs.",
    why="The block cannot be constructed.",
    example="Conv2d without out_channels.",
    instead="Set the parameter.",
)
