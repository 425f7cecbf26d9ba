"""S013: node without effect."""

from designer.rules import Rule

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
