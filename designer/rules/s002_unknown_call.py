"""S002: unknown block."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S002",
    title="Unknown block",
    severity="error",
    family="structure",
    what="A node calls something that is neither a block nor a definition of the design.",
    why="There is no code to render and no shape to infer.",
    example='{"call": "Convolution2D"} where the block is named Conv2d.',
    instead="Pick a block from the palette (designer blocks), or define what the node calls.",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional({"act": {"call": "SiLu"}}, [("h.out", "act.x")], "act.out")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
