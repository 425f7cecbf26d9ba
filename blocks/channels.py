"""Maps with their channels last, as layers on features take them, and the layers of ConvNeXt that need a map."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="ChannelsLast",
        title="Channels last",
        family="Tokens",
        tags=("reshape",),
        kind="expression",
        target="{x}.permute(0, 2, 3, 1)",
        summary="Moves the channels of a map to the end, where norms and linear layers work on them.",
        glyph="↷",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "any", "B H W channels"),),
        views={"out": "x"},
        formula="[B, C, H, W] → [B, H, W, C]",
        reference="Liu et al. 2022, arXiv:2201.03545",
        article="Part IV",
        stability=Stability("", "moves values, changes none", gain="1"),
        examples=(Example({"x": (2, 3, 4, 5)}, {}),),
    ),
    BlockSpec(
        name="ChannelsFirst",
        title="Channels first",
        family="Tokens",
        tags=("reshape",),
        kind="expression",
        target="{x}.permute(0, 3, 1, 2)",
        summary="Makes a map again of features that stand last.",
        glyph="↶",
        inputs=(Port("x", "any", "B H W channels"),),
        outputs=(Port("out", "map", "B channels H W"),),
        views={"out": "x"},
        formula="[B, H, W, C] → [B, C, H, W]",
        reference="Liu et al. 2022, arXiv:2201.03545",
        article="Part IV",
        stability=Stability("", "moves values, changes none", gain="1"),
        examples=(Example({"x": (2, 4, 5, 3)}, {}),),
    ),
    BlockSpec(
        name="GlobalResponseNorm",
        title="Global response normalisation",
        family="Normalisation",
        tags=("norm",),
        kind="module",
        target="GlobalResponseNorm",
        summary="Lets channels compete: each is scaled by its norm over the map relative to the mean channel's.",
        glyph="≋",
        inputs=(Port("x", "any", "B H W features"),),
        outputs=(Port("out", "same:x", "B H W features"),),
        params=(
            Param(
                "features",
                "int",
                inferred=True,
                minimum=1,
                positional=True,
                help="channels, which stand last",
            ),
        ),
        parameters="2*features",
        state={"gamma": "features", "beta": "features"},
        saved=("x", "x_numel + 2*B*features + B"),
        work="x_numel + 2*B*features",
        formula="y = x + γ ⊙ x · ‖x_c‖/mean_c‖x_c‖ + β, γ = β = 0 at start",
        reference="Woo et al. 2023, arXiv:2301.00808",
        article="Part IV",
        stability=Stability(
            "diversity of channels",
            "starts as the identity; the factor averages 1 over the channels",
            gain="1",
        ),
        examples=(Example({"x": (2, 4, 5, 3)}, {}),),
    ),
    BlockSpec(
        name="HalveByConv",
        title="Halve by a 2×2 convolution",
        family="Resampling",
        tags=("downsample", "conv", "linear"),
        kind="module",
        target="HalveByConv",
        summary="One convolution over blocks of 2×2 pixels that do not overlap: the downsampling of ConvNeXt.",
        glyph="▾",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels H//2 W//2"),),
        params=(
            Param("channels", "int", inferred=True, minimum=1, positional=True, help="channels of the map"),
            Param("bias", "bool", True, help="add a learned constant per channel"),
        ),
        constraints=(
            Constraint("H % 2 == 0", "height {H} is odd; it is halved"),
            Constraint("W % 2 == 0", "width {W} is odd; it is halved"),
        ),
        parameters="4*channels**2 + (channels if bias else 0)",
        state={"conv.weight": "channels channels 2 2", "conv.bias": "channels if bias"},
        flops="8*channels*out_numel",
        saved=("x",),
        formula="y = W * x + b, kernel 2, stride 2",
        reference="Liu et al. 2022, arXiv:2201.03545, section 2.6",
        article="9",
        stability=Stability(
            "", "a linear map of each block of pixels; nothing overlaps, nothing is lost", gain="1/3"
        ),
        examples=(Example({"x": (2, 3, 4, 6)}, {}), Example({"x": (2, 3, 4, 6)}, {"bias": False})),
    ),
    BlockSpec(
        name="DoubleByConv",
        title="Double by a 2×2 transposed convolution",
        family="Resampling",
        tags=("upsample", "conv", "linear"),
        kind="module",
        target="DoubleByConv",
        summary="Each pixel becomes a block of 2×2 pixels by a linear map; blocks do not overlap.",
        glyph="▴",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels 2*H 2*W"),),
        params=(
            Param("channels", "int", inferred=True, minimum=1, positional=True, help="channels of the map"),
            Param("bias", "bool", True, help="add a learned constant per channel"),
        ),
        parameters="4*channels**2 + (channels if bias else 0)",
        state={"conv.weight": "channels channels 2 2", "conv.bias": "channels if bias"},
        flops="8*channels*x_numel",
        saved=("x",),
        formula="y = Wᵀ * x + b, kernel 2, stride 2",
        reference="Odena et al. 2016, Distill",
        article="9",
        stability=Stability(
            "", "kernel and stride are equal, so that nothing overlaps: no checkerboard", gain="1/12"
        ),
        examples=(Example({"x": (2, 3, 4, 5)}, {}), Example({"x": (2, 3, 4, 5)}, {"bias": False})),
    ),
)


class GlobalResponseNorm(nn.Module):
    """Scale channels by their relative norm over the map: [B, H, W, C] → [B, H, W, C] (Woo et al. 2023)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(features))
        self.beta = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        norm = x.square().sum(dim=(1, 2), keepdim=True).sqrt()  # [B, 1, 1, C]
        return x + self.gamma * x * (norm / (norm.mean(dim=-1, keepdim=True) + 1e-6)) + self.beta


class HalveByConv(nn.Module):
    """Halve the resolution: [B, C, H, W] → [B, C, H/2, W/2] (Liu et al. 2022)."""

    def __init__(self, channels: int, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 2, stride=2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x


class DoubleByConv(nn.Module):
    """Double the resolution: [B, C, H, W] → [B, C, 2H, 2W] (Odena et al. 2016)."""

    def __init__(self, channels: int, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels, channels, 2, stride=2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x
