"""Root-mean-square normalisation: the scale of LayerNorm without its centring."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="RMSNorm",
    title="RMS normalisation",
    family="Normalisation",
    tags=("norm",),
    kind="torch",
    target="nn.RMSNorm",
    summary="Divides the features of each token, or of each head, by their root mean square.",
    glyph="≋",
    inputs=(Port("x", "any", "*S normalized_shape"),),
    outputs=(Port("out", "same:x", "*S normalized_shape"),),
    params=(
        Param(
            "normalized_shape",
            "int",
            inferred=True,
            minimum=1,
            positional=True,
            help="features of the input",
        ),
        Param("eps", "float", 1e-6, minimum=0.0, omit=None, help="added to the mean square, inside the root"),
        Param("elementwise_affine", "bool", True, help="learn a gain per feature"),
    ),
    parameters="normalized_shape if elementwise_affine else 0",
    state={"weight": "normalized_shape if elementwise_affine"},
    saved=("x", "x_numel/normalized_shape + (x_numel if elementwise_affine else 0)"),
    formula="y = γ ⊙ x / √(mean(x²) + ε)",
    reference="Zhang & Sennrich 2019, arXiv:1910.07467",
    article="11.4, 12.1",
    stability=Stability(
        "amplitude of each token; attention logits when it normalises queries and keys in each head",
        "unit root mean square, mean kept; ε stands inside the root as implementations have it, "
        "not outside as the article writes",
        gain="1 / q",
        bounded=True,
    ),
    examples=(
        Example({"x": (2, 5, 8)}, {}),
        Example({"x": (2, 3, 5, 4)}, {"elementwise_affine": False}),
    ),
)
