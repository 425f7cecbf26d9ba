"""2-D convolution, the workhorse of a U-Net."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="Conv2d",
    title="Convolution 2D",
    family="Convolution",
    tags=("conv", "linear"),
    kind="torch",
    target="nn.Conv2d",
    summary="Convolution over height and width; input channels are inferred.",
    glyph="▦",
    inputs=(Port("x", "map", "B in_channels H W"),),
    outputs=(
        Port(
            "out",
            "map",
            "B out_channels (H+2*padding-kernel_size)//stride+1 (W+2*padding-kernel_size)//stride+1",
        ),
    ),
    params=(
        Param("in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"),
        Param("out_channels", "int", minimum=1, positional=True, help="channels of the output"),
        Param(
            "kernel_size",
            "int",
            3,
            minimum=1,
            maximum=31,
            unit="pixels",
            positional=True,
            omit=None,
            help="side of the filter",
        ),
        Param("stride", "int", 1, minimum=1, maximum=16, unit="pixels", help="step between outputs"),
        Param(
            "padding",
            "int",
            1,
            minimum=0,
            maximum=31,
            unit="pixels",
            omit=0,
            help="zeros added at each border",
        ),
        Param("bias", "bool", True, help="add a learned constant per channel"),
        Param(
            "init",
            "str",
            "default",
            choices=("default", "zero", "xavier_uniform"),
            structural=True,
            help="weights at start",
        ),
    ),
    parameters="out_channels*in_channels*kernel_size**2 + (out_channels if bias else 0)",
    state={"weight": "out_channels in_channels kernel_size kernel_size", "bias": "out_channels if bias"},
    flops="2*in_channels*kernel_size**2*out_numel",
    saved=("x",),
    formula="y = W * x + b",
    reference="Ronneberger et al. 2015, arXiv:1505.04597",
    article="2.1.1",
    stability=Stability(
        "spatial detail at one scale",
        "local linear map; with init=zero the branch that ends in it starts at 0 (identity-friendly residual block)",
        gain="1/3",
    ),
    initialize={
        "zero": "for parameter in {self}.parameters():\n    nn.init.zeros_(parameter)",
        "xavier_uniform": 'nn.init.xavier_uniform_({self}.weight)\nnn.init.zeros_({self}.get_parameter("bias"))',
    },
    examples=(
        Example({"x": (2, 3, 8, 8)}, {"out_channels": 4}),
        Example({"x": (2, 4, 9, 7)}, {"out_channels": 6, "kernel_size": 1, "padding": 0, "bias": False}),
        Example({"x": (1, 4, 8, 8)}, {"out_channels": 4, "stride": 2, "init": "zero"}),
    ),
)
