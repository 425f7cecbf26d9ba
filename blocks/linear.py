"""Affine map of the last axis."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="Linear",
    title="Linear",
    family="Linear",
    tags=("linear",),
    kind="torch",
    target="nn.Linear",
    summary="Affine map of the last axis; input features are inferred.",
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
        Param("bias", "bool", True, help="add a learned constant per feature"),
        Param(
            "init",
            "str",
            "default",
            choices=("default", "zero", "xavier_uniform", "normal_0.02"),
            structural=True,
            help="weights at start",
        ),
    ),
    parameters="out_features*in_features + (out_features if bias else 0)",
    state={"weight": "out_features in_features", "bias": "out_features if bias"},
    flops="2*in_features*out_numel",
    saved=("x",),
    formula="y = x Wᵀ + b",
    reference="Vaswani et al. 2017, arXiv:1706.03762",
    article="2.4.2",
    stability=Stability(
        "",
        "with init=zero the branch that ends in it starts at 0 (article section 10.3)",
        gain="1/3",
    ),
    initialize={
        "zero": "for parameter in {self}.parameters():\n    nn.init.zeros_(parameter)",
        "xavier_uniform": "nn.init.xavier_uniform_({self}.weight)\nnn.init.zeros_({self}.bias)",
        "normal_0.02": "nn.init.normal_({self}.weight, std=0.02)",
    },
    examples=(
        Example({"x": (2, 5, 8)}, {"out_features": 4}),
        Example({"x": (3, 8)}, {"out_features": 6, "bias": False, "init": "xavier_uniform"}),
        Example({"x": (3, 8)}, {"out_features": 6, "init": "normal_0.02"}),
    ),
)
