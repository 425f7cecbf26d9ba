"""Embeddings of a continuous noise level by random Fourier features."""

import math

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="GaussianFourier",
        title="Gaussian Fourier embedding of log σ",
        family="Conditioning",
        tags=("embedding", "time_embedding"),
        kind="module",
        target="GaussianFourier",
        summary="Sines and cosines of log σ at random, frozen frequencies that belong to the weights.",
        glyph="∿",
        inputs=(Port("sigma", "sigma", "B", help="noise level; positive"),),
        outputs=(Port("out", "vector", "B dim"),),
        params=(
            Param("dim", "int", 256, minimum=2, positional=True, omit=None, help="size of the embedding; even"),
            Param("scale", "float", 16.0, minimum=0.0, help="standard deviation of the frequencies"),
        ),
        constraints=(
            Constraint("dim % 2 == 0", "the embedding size {dim} is odd; it holds a sine and a cosine per frequency"),
        ),
        parameters="dim//2",
        state={"frequencies": "dim//2"},
        frozen=True,
        saved=("2*sigma_numel + out_numel/2",),
        work="3*out_numel/2",
        formula="[sin, cos](2π W log σ), W ~ N(0, scale²) frozen",
        reference="Song et al. 2020, arXiv:2011.13456; Tancik et al. 2020, arXiv:2006.10739",
        article="2.1.4",
        stability=Stability(
            "resolution of nearby noise levels", "bounded features in [−1, 1] for any σ > 0", bounded=True
        ),
        examples=(Example({"sigma": (3,)}, {"dim": 8}),),
    ),
    BlockSpec(
        name="FourierFeatures",
        title="Random Fourier features",
        family="Conditioning",
        tags=("embedding", "time_embedding"),
        kind="module",
        target="FourierFeatures",
        summary="Sines and cosines of a number at random frequencies, kept in a buffer (EDM's NCSN++).",
        glyph="∿",
        inputs=(Port("t", "sigma", "B", help="a noise level, such as c_noise = log(σ)/4"),),
        outputs=(Port("out", "vector", "B dim"),),
        params=(
            Param("dim", "int", 256, minimum=2, positional=True, omit=None, help="size of the embedding; even"),
            Param("scale", "float", 16.0, minimum=0.0, help="standard deviation of the frequencies"),
        ),
        state={"frequencies": "dim//2"},
        constraints=(
            Constraint("dim % 2 == 0", "the embedding size {dim} is odd; it holds a sine and a cosine per frequency"),
        ),
        saved=("out_numel/2",),
        work="3*out_numel/2",
        formula="[sin, cos](2π W t), W ~ N(0, scale²) constant",
        reference="Karras et al. 2022, arXiv:2206.00364; Tancik et al. 2020, arXiv:2006.10739",
        article="2.1.4, 2.2.5",
        stability=Stability(
            "resolution of nearby noise levels", "bounded features in [−1, 1] for any t", bounded=True
        ),
        examples=(Example({"t": (3,)}, {"dim": 8}),),
    ),
    BlockSpec(
        name="MPFourier",
        title="Magnitude-preserving Fourier features",
        family="Magnitude-preserving",
        tags=("embedding", "time_embedding"),
        kind="module",
        target="MPFourier",
        summary="Cosines of a noise level at random frequencies and phases, scaled to unit second moment.",
        glyph="∿",
        inputs=(Port("noise", "sigma", "B", help="c_noise"),),
        outputs=(Port("out", "vector", "B dim"),),
        params=(
            Param("dim", "int", 128, minimum=1, positional=True, omit=None, help="size of the embedding"),
            Param("bandwidth", "float", 1.0, minimum=0.0, help="standard deviation of the frequencies"),
        ),
        state={"frequencies": "dim", "phases": "dim"},
        saved=("out_numel",),
        work="2*out_numel",
        formula="y = √2 cos(2π(f t + φ)), f ~ N(0, bandwidth²), φ ~ U(0, 1) constant",
        reference="Karras et al. 2023, arXiv:2312.02696, equation 75",
        article="2.1.4, 2.2.5",
        stability=Stability("the input scale of the conditioning path", "bounded, of unit second moment", bounded=True),
        examples=(Example({"noise": (3,)}, {"dim": 8}),),
    ),
)  # fmt: skip


class GaussianFourier(nn.Module):
    """Random Fourier features of log σ: [B] → [B, dim] (Song et al. 2020)."""

    def __init__(self, dim: int, *, scale: float = 16.0) -> None:
        super().__init__()
        # A frozen parameter, as published: it belongs to the state dict and to the parameter count.
        self.frequencies = nn.Parameter(torch.randn(dim // 2) * scale, requires_grad=False)

    def forward(self, sigma: Tensor) -> Tensor:
        # Thousands of radians: in fp32 a rounding of log σ would turn the fastest features by 1e-4.
        turns = sigma.double().log()[:, None] * self.frequencies
        angles = 2 * math.pi * (turns - turns.round()).float()
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class FourierFeatures(nn.Module):
    """Random Fourier features of a noise level: [B] → [B, dim] (Karras et al. 2022)."""

    frequencies: Tensor

    def __init__(self, dim: int, *, scale: float = 16.0) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(dim // 2) * scale)

    def forward(self, t: Tensor) -> Tensor:
        angles = 2 * math.pi * t.float()[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class MPFourier(nn.Module):
    """Random Fourier features of unit second moment: [B] → [B, dim] (Karras et al. 2023, equation 75)."""

    frequencies: Tensor
    phases: Tensor

    def __init__(self, dim: int, *, bandwidth: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("frequencies", 2 * math.pi * torch.randn(dim) * bandwidth)
        self.register_buffer("phases", 2 * math.pi * torch.rand(dim))

    def forward(self, noise: Tensor) -> Tensor:
        angles = noise.float()[:, None] * self.frequencies + self.phases
        return math.sqrt(2) * angles.cos()
