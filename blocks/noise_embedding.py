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
        frozen=True,
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
        constraints=(
            Constraint("dim % 2 == 0", "the embedding size {dim} is odd; it holds a sine and a cosine per frequency"),
        ),
        formula="[sin, cos](2π W t), W ~ N(0, scale²) constant",
        reference="Karras et al. 2022, arXiv:2206.00364; Tancik et al. 2020, arXiv:2006.10739",
        article="2.1.4, 2.2.5",
        stability=Stability(
            "resolution of nearby noise levels", "bounded features in [−1, 1] for any t", bounded=True
        ),
        examples=(Example({"t": (3,)}, {"dim": 8}),),
    ),
)  # fmt: skip


class GaussianFourier(nn.Module):
    """Random Fourier features of log σ: [B] → [B, dim] (Song et al. 2020)."""

    def __init__(self, dim: int, *, scale: float = 16.0) -> None:
        super().__init__()
        # A frozen parameter, as published: it belongs to the state dict and to the parameter count.
        self.frequencies = nn.Parameter(torch.randn(dim // 2) * scale, requires_grad=False)

    def forward(self, sigma: Tensor) -> Tensor:
        angles = 2 * math.pi * sigma.float().log()[:, None] * self.frequencies
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
