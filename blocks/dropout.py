"""Dropout."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="Dropout",
    title="Dropout",
    family="Regularisation",
    tags=("stochastic",),
    kind="torch",
    target="nn.Dropout",
    summary="Zeroes features at random in training only.",
    glyph="⁘",
    inputs=(Port("x", "any", "*S"),),
    outputs=(Port("out", "same:x", "*S"),),
    params=(
        Param(
            "p",
            "float",
            0.1,
            minimum=0.0,
            maximum=0.99,
            positional=True,
            omit=None,
            help="probability of a zero",
        ),
    ),
    saved=("x_numel if p > 0 else 0",),
    formula="y = m ⊙ x / (1 − p), m ~ Bernoulli(1 − p)",
    reference="Srivastava et al. 2014",
    article="9",
    stability=Stability("reliance on single features", "stochastic zeroing with unchanged mean", gain="1"),
    examples=(Example({"x": (2, 3, 4)}, {"p": 0.2}),),
)
