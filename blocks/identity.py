"""The block that does nothing: what fills a socket that is left empty."""

from designer.spec import BlockSpec, Example, Port, Stability

SPEC = BlockSpec(
    name="Identity",
    title="Identity",
    family="Fusion",
    kind="expression",
    target="{x}",
    summary="Passes its input on; fills a socket, such as a query norm, that stays empty.",
    tags=("reshape",),
    glyph="·",
    inputs=(Port("x", "any", "*S"),),
    outputs=(Port("out", "same:x", "*S"),),
    views={"out": "x"},
    formula="y = x",
    reference="He et al. 2016, arXiv:1603.05027",
    article="10.1",
    stability=Stability("", "values pass unchanged", gain="1"),
    examples=(Example({"x": (2, 3, 4)}, {}),),
)
