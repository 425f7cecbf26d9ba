"""A linear layer whose weights start smaller or larger than usual."""

from torch import nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="ScaledLinear",
    title="Linear, scaled start",
    family="Linear",
    tags=("linear",),
    kind="module",
    target="ScaledLinear",
    summary="Affine map of the last axis whose weights start at a multiple of Xavier's.",
    glyph="╱",
    inputs=(Port("x", "any", "*S in_features"),),
    outputs=(Port("out", "same:x", "*S out_features"),),
    params=(
        Param(
            "in_features",
            "int",
            inferred=True,
            minimum=1,
            positional=True,
            help="size of the last axis of the input",
        ),
        Param("out_features", "int", minimum=1, positional=True, help="size of the last axis of the output"),
        Param(
            "gain",
            "float",
            1.0,
            minimum=0.0,
            positional=True,
            omit=None,
            help="factor of the weights at start: (8N)^−¼ in DeepNorm",
        ),
    ),
    parameters="out_features*(in_features + 1)",
    state={"weight": "out_features in_features", "bias": "out_features"},
    flops="2*in_features*out_numel",
    saved=("x",),
    formula="y = x Wᵀ + b, W ~ gain · Xavier",
    reference="Wang et al. 2022, arXiv:2203.00555; Glorot & Bengio 2010",
    article="10.2",
    stability=Stability(
        "the size of the first updates of a deep network",
        "DeepNorm scales the feed-forward, value and output weights by (8N)^−¼, queries and keys by 1",
        gain="gain**2 * 2*in_features/(in_features + out_features)",
    ),
    examples=(
        Example({"x": (2, 5, 8)}, {"out_features": 4, "gain": 0.5}),
        Example({"x": (3, 8)}, {"out_features": 8}),
    ),
)


class ScaledLinear(nn.Linear):
    """Linear layer whose weights start at `gain` times Xavier's: [*, in] → [*, out] (Wang et al. 2022)."""

    def __init__(self, in_features: int, out_features: int, gain: float) -> None:
        super().__init__(in_features, out_features)
        nn.init.xavier_normal_(self.weight, gain=gain)
        nn.init.zeros_(self.bias)
