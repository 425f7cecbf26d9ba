"""Layers and normalisations that keep the magnitude of activations and weights (EDM2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="MPConv2d",
        title="Magnitude-preserving convolution",
        family="Magnitude-preserving",
        tags=("conv", "linear"),
        kind="module",
        target="MPConv2d",
        summary="Convolution without bias whose filters have unit norm, in the forward pass and, in training, in memory.",
        glyph="▦",
        inputs=(Port("x", "map", "B in_channels H W"),),
        outputs=(Port("out", "map", "B out_channels H W"),),
        params=(
            Param("in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the input"),
            Param("out_channels", "int", minimum=1, positional=True, help="channels of the output"),
            Param("kernel_size", "int", 3, minimum=1, maximum=31, unit="pixels", positional=True, omit=None, help="side of the filter; odd"),
        ),
        constraints=(
            Constraint("kernel_size % 2 == 1", "the filter of {kernel_size} pixels has no middle; choose an odd one"),
        ),
        parameters="out_channels*in_channels*kernel_size**2",
        state={"weight": "out_channels in_channels kernel_size kernel_size"},
        flops="2*in_channels*kernel_size**2*out_numel",
        saved=("x", "2*out_channels + out_channels*in_channels*kernel_size**2"),
        formula="y = (w/‖w‖) * x, w ← √n · w/‖w‖ before each training step",
        reference="Karras et al. 2023, arXiv:2312.02696, equations 47, 66",
        article="2.2.5, 10.2",
        stability=Stability(
            "growth of weights and activations over training",
            "filters of unit norm; forced normalisation keeps the effective learning rate constant",
            gain="1",
        ),
        examples=(
            Example({"x": (2, 3, 4, 5)}, {"out_channels": 4}),
            Example({"x": (2, 3, 4, 5)}, {"out_channels": 2, "kernel_size": 1}),
        ),
    ),
    BlockSpec(
        name="MPLinear",
        title="Magnitude-preserving linear",
        family="Magnitude-preserving",
        tags=("linear",),
        kind="module",
        target="MPLinear",
        summary="Linear map without bias whose rows have unit norm, in the forward pass and, in training, in memory.",
        glyph="╱",
        inputs=(Port("x", "vector", "B in_features"),),
        outputs=(Port("out", "vector", "B out_features"),),
        params=(
            Param("in_features", "int", inferred=True, minimum=1, positional=True, help="size of the input"),
            Param("out_features", "int", minimum=1, positional=True, help="size of the output"),
        ),
        parameters="out_features*in_features",
        state={"weight": "out_features in_features"},
        flops="2*in_features*out_numel",
        saved=("x", "2*out_features + in_features*out_features"),
        formula="y = (w/‖w‖) x, w ← √n · w/‖w‖ before each training step",
        reference="Karras et al. 2023, arXiv:2312.02696, equations 47, 66",
        article="2.2.5, 10.2",
        stability=Stability(
            "growth of weights and activations over training",
            "rows of unit norm; forced normalisation keeps the effective learning rate constant",
            gain="1",
        ),
        examples=(Example({"x": (2, 6)}, {"out_features": 4}),),
    ),
    BlockSpec(
        name="PixelNorm",
        title="Pixel normalisation",
        family="Magnitude-preserving",
        tags=("norm",),
        kind="function",
        target="pixel_norm",
        summary="Scales the channels of each pixel to unit root mean square.",
        glyph="≋",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(Port("out", "map", "B C H W"),),
        saved=("x", "2*x_numel/C"),
        formula="y = x/(ε + ‖x‖/√C)",
        reference="Karras et al. 2023, arXiv:2312.02696, equation 30",
        article="2.2.5",
        stability=Stability("growth of the main path in the encoder", "unit second moment at each pixel", gain="1 / q", bounded=True),
        examples=(Example({"x": (2, 3, 4, 5)}, {}),),
    ),
    BlockSpec(
        name="HeadNorm",
        title="Unit heads",
        family="Magnitude-preserving",
        tags=("norm",),
        kind="function",
        target="head_norm",
        summary="Scales each query, key or value to unit root mean square: cosine attention without a temperature.",
        glyph="≋",
        inputs=(Port("x", "heads", "B heads N d"),),
        outputs=(Port("out", "same:x", "B heads N d"),),
        saved=("x", "2*x_numel/d"),
        formula="y = x/(ε + ‖x‖/√d)",
        reference="Karras et al. 2023, arXiv:2312.02696, section 2.3",
        article="12.1, 13",
        stability=Stability("attention logits", "unit q and k bound the logits by √d", gain="1 / q", bounded=True),
        examples=(Example({"x": (2, 3, 4, 5)}, {}),),
    ),
    BlockSpec(
        name="Gain",
        title="Learned gain",
        family="Magnitude-preserving",
        tags=("scale",),
        kind="module",
        target="Gain",
        summary="Multiplies by one learned number that starts at 0.",
        glyph="×",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "same:x", "*S"),),
        parameters="1",
        state={"gain": ""},
        saved=("x",),
        formula="y = g x, g = 0 at start",
        reference="Karras et al. 2023, arXiv:2312.02696, section 2.3",
        article="2.2.5, 10.3",
        stability=Stability(
            "the output and the conditioning at the start of training", "starts at 0 and grows as it proves useful",
            gain="0", zero_init=True,
        ),
        examples=(Example({"x": (2, 3, 4)}, {}),),
    ),
)  # fmt: skip


def normalize(x: Tensor, dim: tuple[int, ...], count: int) -> Tensor:
    """Scale x to unit root mean square over the axes `dim`, which hold `count` numbers."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    return x / (1e-4 + norm / math.sqrt(count))


class MPConv2d(nn.Module):
    """Convolution with filters of unit norm: [B, C, H, W] → [B, out_channels, H, W] (Karras et al. 2023)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        count = self.weight[0].numel()
        if self.training:
            with torch.no_grad():
                self.weight.copy_(normalize(self.weight, (1, 2, 3), count))  # forced weight normalisation
        weight = normalize(self.weight, (1, 2, 3), count) / math.sqrt(count)
        return F.conv2d(x, weight, padding=self.weight.shape[-1] // 2)


class MPLinear(nn.Module):
    """Linear map with rows of unit norm: [B, D] → [B, out_features] (Karras et al. 2023)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features))

    def forward(self, x: Tensor) -> Tensor:
        count = self.weight.shape[1]
        if self.training:
            with torch.no_grad():
                self.weight.copy_(normalize(self.weight, (1,), count))  # forced weight normalisation
        return F.linear(x, normalize(self.weight, (1,), count) / math.sqrt(count))


def pixel_norm(x: Tensor) -> Tensor:
    """Scale each pixel of a map [B, C, H, W] to unit root mean square over its channels."""
    return normalize(x, (1,), x.shape[1])


def head_norm(x: Tensor) -> Tensor:
    """Scale heads [B, heads, N, d] to unit root mean square over d."""
    return normalize(x, (-1,), x.shape[-1])


class Gain(nn.Module):
    """One learned factor that starts at 0 (Karras et al. 2023)."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros([]))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain
