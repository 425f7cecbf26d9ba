"""The 1×1 projection of a stream: alignment of channels before a fusion."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="Projection",
    title="1×1 projection",
    family="Transform",
    tags=("linear", "conv"),
    kind="torch",
    target="nn.Conv2d",
    summary="A learned mix of the channels of each pixel, to the number of channels asked for.",
    glyph="▦",
    inputs=(Port("x", "map", "B in_channels H W"),),
    outputs=(Port("out", "map", "B out_channels H W"),),
    params=(
        Param("in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"),
        Param("out_channels", "int", minimum=1, positional=True, help="channels of the output"),
        Param("kernel_size", "int", 1, choices=(1,), positional=True, omit=None, help="one pixel"),
        Param("bias", "bool", True, help="add a learned constant per channel"),
        Param(
            "init", "str", "default", choices=("default", "zero"), structural=True, help="weights at start"
        ),
    ),
    parameters="out_channels*in_channels + (out_channels if bias else 0)",
    state={"weight": "out_channels in_channels 1 1", "bias": "out_channels if bias"},
    flops="2*in_channels*out_numel",
    saved=("x",),
    formula="φ(s) = W * s, W 1×1",
    reference="Lin et al. 2013, arXiv:1312.4400",
    article="6",
    stability=Stability(
        "representation mismatch of skip and trunk",
        "a learned rotation of the channels; can suppress harmful directions of the skip",
        gain="1/3",
    ),
    initialize={"zero": "for parameter in {self}.parameters():\n    nn.init.zeros_(parameter)"},
    examples=(
        Example({"x": (2, 3, 4, 4)}, {"out_channels": 5}),
        Example({"x": (2, 3, 4, 4)}, {"out_channels": 3, "bias": False}),
        Example({"x": (2, 3, 4, 4)}, {"out_channels": 3, "init": "zero"}),
    ),
)
