"""Halving and doubling the resolution."""

import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="DownsampleConv",
        title="Downsample (strided convolution)",
        family="Resampling",
        tags=("downsample", "conv"),
        kind="module",
        target="DownsampleConv",
        summary="3×3 convolution of stride 2 with zeros added right and below, as in DDPM.",
        glyph="▾",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels (H-2)//2+1 (W-2)//2+1"),),
        params=(
            Param("channels", "int", inferred=True, minimum=1, positional=True, help="channels of the map"),
            Param(
                "init",
                "str",
                "default",
                choices=("default", "xavier_uniform"),
                structural=True,
                help="weights at start",
            ),
        ),
        parameters="channels*(9*channels + 1)",
        state={"conv.weight": "channels channels 3 3", "conv.bias": "channels"},
        flops="18*channels*out_numel",
        saved=("B*channels*(H + 1)*(W + 1)",),
        formula="y = conv₃ₓ₃,stride 2(pad(x, (0, 1, 0, 1)))",
        reference="Ho et al. 2020, arXiv:2006.11239",
        article="9",
        stability=Stability(
            "", "no low-pass before subsampling: some aliasing is carried by the skips", gain="1/3"
        ),
        initialize={
            "xavier_uniform": 'nn.init.xavier_uniform_({self}.conv.weight)\nnn.init.zeros_({self}.conv.get_parameter("bias"))',
        },
        examples=(
            Example({"x": (2, 4, 8, 6)}, {}),
            Example({"x": (2, 4, 7, 5)}, {"init": "xavier_uniform"}),
        ),
    ),
    BlockSpec(
        name="UpsampleConv",
        title="Upsample (nearest + convolution)",
        family="Resampling",
        tags=("upsample", "conv"),
        kind="module",
        target="UpsampleConv",
        summary="Doubles the resolution by repetition, then a 3×3 convolution.",
        glyph="▴",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels 2*H 2*W"),),
        params=(
            Param("channels", "int", inferred=True, minimum=1, positional=True, help="channels of the map"),
            Param(
                "init",
                "str",
                "default",
                choices=("default", "xavier_uniform"),
                structural=True,
                help="weights at start",
            ),
        ),
        parameters="channels*(9*channels + 1)",
        state={"conv.weight": "channels channels 3 3", "conv.bias": "channels"},
        flops="18*channels*out_numel",
        saved=("out_numel",),
        formula="y = conv₃ₓ₃(nearest₂(x))",
        reference="Ho et al. 2020, arXiv:2006.11239",
        article="2.2.4, 9",
        stability=Stability("", "no checkerboard, unlike a transposed convolution of stride 2", gain="1/3"),
        initialize={
            "xavier_uniform": 'nn.init.xavier_uniform_({self}.conv.weight)\nnn.init.zeros_({self}.conv.get_parameter("bias"))',
        },
        examples=(
            Example({"x": (2, 4, 3, 5)}, {}),
            Example({"x": (2, 4, 3, 5)}, {"init": "xavier_uniform"}),
        ),
    ),
)


class DownsampleConv(nn.Module):
    """Halve the resolution: [B, C, H, W] → [B, C, ⌊H/2⌋, ⌊W/2⌋] (Ho et al. 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.pad(x, (0, 1, 0, 1)))
        return x


class UpsampleConv(nn.Module):
    """Double the resolution: [B, C, H, W] → [B, C, 2H, 2W] (Ho et al. 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return x
