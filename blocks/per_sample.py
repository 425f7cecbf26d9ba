"""Each sample of a batch multiplied or divided by a number of its own."""

from designer.spec import BlockSpec, Example, Port, Stability

SPECS = (
    BlockSpec(
        name="ScaleSamples",
        title="Scale each sample",
        family="Wrapping",
        tags=("scale",),
        kind="expression",
        target="{x} * {scale}[:, None, None, None]",
        summary="Multiplies each sample by its own number, such as c_in(σ).",
        glyph="×",
        inputs=(Port("x", "map", "B C H W"), Port("scale", "any", "B")),
        outputs=(Port("out", "same:x", "B C H W"),),
        saved=("x if scale", "scale if x"),
        formula="y_b = s_b x_b",
        reference="Karras et al. 2022, arXiv:2206.00364, section 5",
        article="1.3",
        stability=Stability(
            "the scale of input and output over noise levels", "one known factor a sample", gain="scale**2"
        ),
        examples=(Example({"x": (2, 3, 4, 5), "scale": (2,)}, {}),),
    ),
    BlockSpec(
        name="DivideSamples",
        title="Divide each sample",
        family="Wrapping",
        tags=("scale",),
        kind="expression",
        target="{x} / {scale}[:, None, None, None]",
        summary="Divides each sample by its own number: the score of NCSN++ is the network's output over σ.",
        glyph="÷",
        inputs=(Port("x", "map", "B C H W"), Port("scale", "any", "B")),
        outputs=(Port("out", "same:x", "B C H W"),),
        saved=("x if scale", "scale"),
        formula="y_b = x_b / s_b",
        reference="Song & Ermon 2020, arXiv:2006.09011; Song et al. 2020, arXiv:2011.13456",
        article="1.3",
        stability=Stability(
            "the scale of the network's output",
            "the score grows as 1/σ, so the network itself need not",
            gain="1/scale**2",
        ),
        examples=(Example({"x": (2, 3, 4, 5), "scale": (2,)}, {}),),
    ),
)
