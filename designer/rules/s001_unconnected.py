"""S001: unconnected input."""

from designer.rules import Rule

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
