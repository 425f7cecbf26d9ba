"""Normalisation layers: what keeps the input of each operator at unit scale."""

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="GroupNorm",
        title="Group normalisation",
        family="Normalisation",
        tags=("norm",),
        kind="torch",
        target="nn.GroupNorm",
        summary="Normalises groups of channels of each sample; independent of the batch size.",
        glyph="≋",
        inputs=(Port("x", "any", "B num_channels *S"),),
        outputs=(Port("out", "same:x", "B num_channels *S"),),
        params=(
            Param(
                "num_groups",
                "int",
                32,
                minimum=1,
                positional=True,
                omit=None,
                help="groups; must divide the channels",
            ),
            Param(
                "num_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"
            ),
            Param("eps", "float", 1e-5, minimum=0.0, help="added to the variance"),
            Param("affine", "bool", True, help="learn a gain and a bias per channel"),
        ),
        constraints=(
            Constraint(
                "num_channels % num_groups == 0",
                "{num_channels} channels cannot be split into {num_groups} groups; choose num_groups that divides the channels",
            ),
        ),
        parameters="2*num_channels if affine else 0",
        state={"weight": "num_channels if affine", "bias": "num_channels if affine"},
        saved=("x", "2*B*num_groups"),
        formula="y = γ · (x − μ_g)/√(σ²_g + ε) + β",
        reference="Wu & He 2018, arXiv:1803.08494",
        article="2.2.3, Part IV",
        stability=Stability(
            "amplitude of each sample, at any batch size",
            "per-sample statistics; no mixing of noise levels across the batch (unlike batch normalisation)",
            gain="1 / q",
            bounded=True,
        ),
        examples=(
            Example({"x": (2, 8, 4, 4)}, {"num_groups": 4}),
            Example({"x": (2, 8, 4, 4)}, {"num_groups": 8, "eps": 1e-6, "affine": False}),
        ),
    ),
    BlockSpec(
        name="LayerNorm",
        title="Layer normalisation",
        family="Normalisation",
        tags=("norm",),
        kind="torch",
        target="nn.LayerNorm",
        summary="Normalises the features of each token.",
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
            Param("eps", "float", 1e-6, minimum=0.0, omit=1e-5, help="added to the variance"),
            Param(
                "elementwise_affine",
                "bool",
                True,
                help="learn a gain and a bias per feature; off before AdaLN",
            ),
            Param("bias", "bool", True, help="with a learned gain, a learned bias too"),
        ),
        parameters="(2 if bias else 1)*normalized_shape if elementwise_affine else 0",
        state={
            "weight": "normalized_shape if elementwise_affine",
            "bias": "normalized_shape if elementwise_affine and bias",
        },
        saved=("x", "2*x_numel/normalized_shape"),
        formula="y = γ ⊙ (x − μ)/√(σ² + ε) + β",
        reference="Ba et al. 2016, arXiv:1607.06450",
        article="11.1, 11.3",
        stability=Stability(
            "amplitude of each token", "normalises before each operator (pre-LN)", gain="1 / q", bounded=True
        ),
        examples=(
            Example({"x": (2, 5, 8)}, {}),
            Example({"x": (2, 5, 8)}, {"elementwise_affine": False}),
            Example({"x": (2, 5, 8)}, {"bias": False}),
        ),
    ),
)
