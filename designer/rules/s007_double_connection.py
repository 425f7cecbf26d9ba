"""S007: input connected twice."""

from designer.rules import Rule

RULE = Rule(
    code="S007",
    title="Input connected twice",
    severity="error",
    family="structure",
    what="Two edges end in one input.",
    why="Which of the two arrives is ambiguous.",
    example="conv1.out and conv2.out both into norm.x.",
    instead="Keep one edge, or merge the two with Add or ConcatChannels.",
)
