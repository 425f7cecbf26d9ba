"""S002: unknown block."""

from designer.rules import Rule

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
