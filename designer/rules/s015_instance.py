"""S015: shared instance differs."""

from designer.rules import Rule

RULE = Rule(
    code="S015",
    title="Shared instance differs",
    severity="error",
    family="structure",
    what="Nodes that share weights differ in call, parameters or repeat.",
    why="One module cannot be two things.",
    example="Two Linear nodes of one instance with different out_features.",
    instead="Make them equal, or drop the instance name.",
)
