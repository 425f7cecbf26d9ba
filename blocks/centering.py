"""Images in [0, 1] moved to [−1, 1]."""

from designer.spec import BlockSpec, Example, Port, Stability

SPEC = BlockSpec(
    name="CenterInput",
    title="Centre the input",
    family="Conditioning",
    tags=("scale",),
    kind="expression",
    target="2 * {x} - 1",
    summary="Maps values of [0, 1] to [−1, 1], for networks that take images as they are stored.",
    glyph="±",
    inputs=(Port("x", "any", "*S"),),
    outputs=(Port("out", "same:x", "*S"),),
    work="x_numel",
    formula="y = 2x − 1",
    reference="Song et al. 2020, arXiv:2011.13456",
    article="1.3",
    stability=Stability("the scale of the input", "zero mean and about unit range for data in [0, 1]"),
    examples=(Example({"x": (2, 3, 4)}, {}),),
)
