"""Layers of torch that only imported graphs use."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability


class FixedBatchNorm(nn.Module):
    """Batch normalisation that never leaves evaluation: its statistics are stored."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """x [B, features, H, W] → [B, features, H, W]."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


SPECS = (
    BlockSpec(
        name="FixedBatchNorm",
        title="Batch normalisation with stored statistics",
        family="Primitive",
        kind="module",
        target="FixedBatchNorm",
        summary="Normalises each channel by statistics that were stored in training, as trained networks do.",
        tags=("scale",),
        glyph="≋",
        inputs=(Port("x", "any", "B features H W"),),
        outputs=(Port("out", "same:x", "B features H W"),),
        params=(
            Param("features", "int", inferred=True, minimum=1, positional=True, help="channels of the input"),
            Param("eps", "float", 1e-5, minimum=0.0, help="added to the variance"),
        ),
        parameters="2*features",
        state={
            "weight": "features",
            "bias": "features",
            "running_mean": "features",
            "running_var": "features",
        },
        saved=("x",),
        formula="y = γ (x − μ)/√(σ² + ε) + β, with μ and σ² stored",
        reference="Ioffe & Szegedy 2015, arXiv:1502.03167",
        article="Part IV",
        stability=Stability("", "a fixed affine map of each channel; no sample sees another", gain="1"),
        examples=(Example({"x": (2, 3, 4, 4)}, {}),),
    ),
    BlockSpec(
        name="GroupedConv2d",
        title="Grouped convolution",
        family="Primitive",
        kind="torch",
        target="nn.Conv2d",
        summary="Convolution in groups of channels, with gaps between the weights if dilated.",
        tags=("conv",),
        glyph="▦",
        inputs=(Port("x", "map", "B in_channels H W"),),
        outputs=(
            Port(
                "out",
                "map",
                "B out_channels (H+2*padding-dilation*(kernel_size-1)-1)//stride+1 (W+2*padding-dilation*(kernel_size-1)-1)//stride+1",
            ),
        ),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"
            ),
            Param("out_channels", "int", minimum=1, positional=True, help="channels of the output"),
            Param("kernel_size", "int", 3, minimum=1, positional=True, omit=None, help="side of the filter"),
            Param("stride", "int", 1, minimum=1, help="step between outputs"),
            Param("padding", "int", 1, minimum=0, omit=0, help="zeros added at each border"),
            Param("dilation", "int", 1, minimum=1, help="step between weights"),
            Param("groups", "int", 1, minimum=1, help="groups of channels"),
            Param("bias", "bool", True, help="add a learned constant per channel"),
        ),
        constraints=(
            Constraint(
                "in_channels % groups == 0", "{in_channels} channels cannot be split into {groups} groups"
            ),
            Constraint(
                "out_channels % groups == 0",
                "{out_channels} channels of the output cannot be split into {groups} groups",
            ),
        ),
        parameters="out_channels*(in_channels//groups)*kernel_size**2 + (out_channels if bias else 0)",
        state={
            "weight": "out_channels in_channels//groups kernel_size kernel_size",
            "bias": "out_channels if bias",
        },
        flops="2*(in_channels//groups)*kernel_size**2*out_numel",
        saved=("x",),
        formula="y = W * x + b",
        reference="Xie et al. 2016, arXiv:1611.05431",
        article="Part IV",
        stability=Stability("", "local linear map within each group", gain="1/3"),
        examples=(
            Example({"x": (2, 4, 8, 8)}, {"out_channels": 4, "groups": 4}),
            Example(
                {"x": (2, 4, 9, 8)},
                {"out_channels": 6, "groups": 2, "dilation": 2, "padding": 2, "bias": False},
            ),
        ),
    ),
    BlockSpec(
        name="Conv1d",
        title="Convolution 1D",
        family="Primitive",
        kind="torch",
        target="nn.Conv1d",
        summary="Convolution over one axis.",
        tags=("conv",),
        glyph="▥",
        inputs=(Port("x", "any", "B in_channels T"),),
        outputs=(Port("out", "any", "B out_channels (T+2*padding-kernel_size)//stride+1"),),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"
            ),
            Param("out_channels", "int", minimum=1, positional=True, help="channels of the output"),
            Param(
                "kernel_size", "int", 3, minimum=1, positional=True, omit=None, help="length of the filter"
            ),
            Param("stride", "int", 1, minimum=1, help="step between outputs"),
            Param("padding", "int", 1, minimum=0, omit=0, help="zeros added at each end"),
            Param("bias", "bool", True, help="add a learned constant per channel"),
        ),
        parameters="out_channels*in_channels*kernel_size + (out_channels if bias else 0)",
        state={"weight": "out_channels in_channels kernel_size", "bias": "out_channels if bias"},
        flops="2*in_channels*kernel_size*out_numel",
        saved=("x",),
        formula="y = W * x + b",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "local linear map", gain="1/3"),
        examples=(
            Example({"x": (2, 3, 8)}, {"out_channels": 4}),
            Example({"x": (2, 3, 8)}, {"out_channels": 4, "kernel_size": 1, "padding": 0, "bias": False}),
        ),
    ),
    BlockSpec(
        name="WindowMean",
        title="Mean of windows",
        family="Primitive",
        kind="torch",
        target="nn.AvgPool2d",
        summary="The mean of each window of a map.",
        tags=("downsample",),
        glyph="▽",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(
            Port("out", "map", "B C (H+2*padding-kernel_size)//stride+1 (W+2*padding-kernel_size)//stride+1"),
        ),
        params=(
            Param("kernel_size", "int", 2, minimum=1, positional=True, omit=None, help="side of the window"),
            Param("stride", "int", 2, minimum=1, positional=True, omit=None, help="step between windows"),
            Param("padding", "int", 0, minimum=0, help="border around the map"),
        ),
        saved=("x",),
        constraints=(
            Constraint(
                "2*padding <= kernel_size", "the border {padding} exceeds half of the window {kernel_size}"
            ),
        ),
        formula="y = mean of the window",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "low-pass"),
        examples=(
            Example({"x": (2, 3, 8, 8)}, {}),
            Example({"x": (2, 3, 8, 8)}, {"kernel_size": 3, "stride": 1, "padding": 1}),
        ),
    ),
    BlockSpec(
        name="WindowMax",
        title="Largest of windows",
        family="Primitive",
        kind="torch",
        target="nn.MaxPool2d",
        summary="The largest value of each window of a map.",
        tags=("downsample", "highest"),
        glyph="▽",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(
            Port("out", "map", "B C (H+2*padding-kernel_size)//stride+1 (W+2*padding-kernel_size)//stride+1"),
        ),
        params=(
            Param("kernel_size", "int", 2, minimum=1, positional=True, omit=None, help="side of the window"),
            Param("stride", "int", 2, minimum=1, positional=True, omit=None, help="step between windows"),
            Param("padding", "int", 0, minimum=0, help="border around the map"),
        ),
        constraints=(
            Constraint(
                "2*padding <= kernel_size", "the border {padding} exceeds half of the window {kernel_size}"
            ),
        ),
        saved=("x", "2*out_numel"),
        formula="y = max of the window",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "values pass unchanged"),
        examples=(
            Example({"x": (2, 3, 8, 8)}, {}),
            Example({"x": (2, 3, 8, 8)}, {"kernel_size": 3, "stride": 1, "padding": 1}),
        ),
    ),
    BlockSpec(
        name="Enlarge",
        title="Enlarge",
        family="Primitive",
        kind="expression",
        target="F.interpolate({x}, scale_factor={factor}, mode={mode})",
        summary="Repeats or interpolates the pixels of a map.",
        tags=("upsample",),
        glyph="△",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(Port("out", "map", "B C int(factor)*H int(factor)*W"),),
        params=(
            Param("factor", "float", 2.0, minimum=1, help="how many times as high and wide; a whole number"),
            Param(
                "mode",
                "str",
                "nearest",
                choices=["nearest", "bilinear"],
                help="repeat pixels, or interpolate between them",
            ),
        ),
        formula="y(i, j) = x(i/f, j/f)",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "values pass unchanged"),
        examples=(
            Example({"x": (2, 3, 4, 4)}, {}),
            Example({"x": (2, 3, 4, 4)}, {"factor": 3.0, "mode": "bilinear"}),
        ),
    ),
    BlockSpec(
        name="ToFloat",
        title="To floating point",
        family="Primitive",
        kind="expression",
        target="{x}.float()",
        summary="Integers, such as timesteps, as floating-point numbers.",
        tags=("reshape",),
        glyph="·",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "any", "*S", dtype="float32"),),
        views={"out": "x"},
        formula="y = x",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "values pass unchanged", gain="1"),
        examples=(Example({"x": (2, 3)}, {}),),
    ),
)
