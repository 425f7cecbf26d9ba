"""Convolutions of a video: over frames alone, and over frames, height and width."""

from torch import nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="TemporalConv",
        title="Temporal convolution",
        family="Video",
        tags=("conv",),
        kind="module",
        target="TemporalConv",
        summary="Convolution over frames alone, each pixel for itself: kernel (3, 1, 1).",
        glyph="▥",
        inputs=(Port("x", "map", "B in_channels T H W"),),
        outputs=(Port("out", "map", "B out_channels T H W"),),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"
            ),
            Param("out_channels", "int", minimum=1, positional=True, help="channels of the output"),
            Param("kernel_size", "int", 3, minimum=1, maximum=31, unit="frames", help="frames seen; odd"),
            Param(
                "init",
                "str",
                "default",
                choices=("default", "zero"),
                structural=True,
                help="weights at start",
            ),
        ),
        constraints=(
            Constraint(
                "kernel_size % 2 == 1", "the kernel of {kernel_size} frames has no middle; choose an odd one"
            ),
        ),
        parameters="out_channels*(in_channels*kernel_size + 1)",
        state={"weight": "out_channels in_channels kernel_size 1 1", "bias": "out_channels"},
        flops="2*in_channels*kernel_size*out_numel",
        saved=("x",),
        formula="y[t] = Σ_k W_k x[t + k] + b",
        reference="Blattmann et al. 2023, arXiv:2304.08818, section 3.1.1",
        article="2.5.1",
        stability=Stability(
            "consistency between neighbouring frames",
            "local linear map over frames; blended into a trained spatial layer it must start with weight near 0 "
            "or as the identity",
            gain="1/3",
        ),
        initialize={"zero": "for parameter in {self}.parameters():\n    nn.init.zeros_(parameter)"},
        examples=(
            Example({"x": (2, 4, 5, 3, 2)}, {"out_channels": 6}),
            Example({"x": (1, 4, 3, 2, 2)}, {"out_channels": 4, "kernel_size": 5, "init": "zero"}),
        ),
    ),
    BlockSpec(
        name="Conv3d",
        title="Convolution 3D",
        family="Video",
        tags=("conv",),
        kind="torch",
        target="nn.Conv3d",
        summary="Convolution over frames, height and width together; input channels are inferred.",
        glyph="▩",
        inputs=(Port("x", "map", "B in_channels T H W"),),
        outputs=(
            Port(
                "out",
                "map",
                "B out_channels (T+2*padding-kernel_size)//stride+1 "
                "(H+2*padding-kernel_size)//stride+1 (W+2*padding-kernel_size)//stride+1",
            ),
        ),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"
            ),
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
                help="side of the filter, in frames and pixels",
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
                help="zeros added at each border and before the first and after the last frame",
            ),
            Param("bias", "bool", True, help="add a learned constant per channel"),
            Param(
                "init",
                "str",
                "default",
                choices=("default", "zero"),
                structural=True,
                help="weights at start",
            ),
        ),
        parameters="out_channels*in_channels*kernel_size**3 + (out_channels if bias else 0)",
        state={
            "weight": "out_channels in_channels kernel_size kernel_size kernel_size",
            "bias": "out_channels if bias",
        },
        flops="2*in_channels*kernel_size**3*out_numel",
        saved=("x",),
        formula="y = W * x + b over (t, h, w)",
        reference="Ho et al. 2022, arXiv:2204.03458",
        article="2.5.1",
        stability=Stability(
            "detail that moves",
            "local linear map in space and time; with init=zero a branch starts at 0",
            gain="1/3",
        ),
        initialize={"zero": "for parameter in {self}.parameters():\n    nn.init.zeros_(parameter)"},
        examples=(
            Example({"x": (2, 3, 4, 5, 6)}, {"out_channels": 4}),
            Example(
                {"x": (2, 3, 4, 5, 6)}, {"out_channels": 4, "kernel_size": 1, "padding": 0, "bias": False}
            ),
            Example({"x": (1, 3, 4, 6, 6)}, {"out_channels": 4, "stride": 2, "init": "zero"}),
        ),
    ),
    BlockSpec(
        name="BoxConv3d",
        title="Convolution 3D, unequal sides",
        family="Video",
        tags=("conv",),
        kind="torch",
        target="nn.Conv3d",
        summary="Convolution whose filter, step and border differ between frames, height and width.",
        glyph="▩",
        inputs=(Port("x", "map", "B in_channels T H W"),),
        outputs=(
            Port(
                "out",
                "map",
                "B out_channels (T+2*padding[0]-kernel_size[0])//stride[0]+1 "
                "(H+2*padding[1]-kernel_size[1])//stride[1]+1 (W+2*padding[2]-kernel_size[2])//stride[2]+1",
            ),
        ),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"
            ),
            Param("out_channels", "int", minimum=1, positional=True, help="channels of the output"),
            Param("kernel_size", "list", [1, 3, 3], positional=True, omit=None, help="sides of the filter"),
            Param("stride", "list", [1, 1, 1], help="steps between outputs"),
            Param("padding", "list", [0, 1, 1], omit=[0, 0, 0], help="zeros added at each border"),
            Param("bias", "bool", True, help="add a learned constant per channel"),
        ),
        parameters="out_channels*in_channels*kernel_size[0]*kernel_size[1]*kernel_size[2] + (out_channels if bias else 0)",
        state={"weight": "out_channels in_channels *kernel_size", "bias": "out_channels if bias"},
        flops="2*in_channels*kernel_size[0]*kernel_size[1]*kernel_size[2]*out_numel",
        saved=("x",),
        formula="y = W * x + b over (t, h, w)",
        reference="Ho et al. 2022, arXiv:2204.03458",
        article="2.5.1",
        stability=Stability("detail that moves", "local linear map in space and time", gain="1/3"),
        examples=(
            Example({"x": (2, 3, 4, 5, 6)}, {"out_channels": 4}),
            Example(
                {"x": (2, 3, 4, 6, 6)},
                {
                    "out_channels": 4,
                    "kernel_size": [1, 2, 2],
                    "stride": [1, 2, 2],
                    "padding": [0, 0, 0],
                    "bias": False,
                },
            ),
        ),
    ),
)


class TemporalConv(nn.Conv3d):
    """Convolution over frames: [B, C_in, T, H, W] → [B, C_out, T, H, W] (Blattmann et al. 2023)."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int = 3) -> None:
        super().__init__(in_channels, out_channels, (kernel_size, 1, 1), padding=(kernel_size // 2, 0, 0))
