"""S016: no size fits."""

from designer.rules import Rule

RULE = Rule(
    code="S016",
    title="No size fits",
    severity="error",
    family="structure",
    what="The sizes asked for by different parts of the network exclude each other for every input.",
    why="There is no image that the network accepts.",
    example="A skip joined after two halvings and one doubling.",
    instead="Resample the skip, or connect it to the decoder level of its own resolution.",
    article="4, 8",
)
