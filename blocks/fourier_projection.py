"""Random Fourier features of a vector."""

import math

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="FourierProjection",
    title="Fourier features of a vector",
    family="Conditioning",
    kind="module",
    target="FourierProjection",
    summary="Cosines and sines of random projections of a vector, kept in a buffer.",
    tags=("embedding", "time_embedding"),
    glyph="∿",
    inputs=(Port("x", "vector", "B in_features"),),
    outputs=(Port("out", "vector", "B dim"),),
    params=(
        Param("in_features", "int", inferred=True, minimum=1, positional=True, help="size of the vector"),
        Param("dim", "int", 256, minimum=2, positional=True, omit=None, help="size of the embedding; even"),
    ),
    state={"frequencies": "dim//2 in_features"},
    constraints=(
        Constraint(
            "dim % 2 == 0", "the embedding size {dim} is odd; it holds a sine and a cosine per frequency"
        ),
    ),
    flops="in_features*out_numel",
    saved=("out_numel/2",),
    work="3*out_numel/2",
    formula="[cos, sin](2π W x), W ~ N(0, 1) constant",
    reference="Tancik et al. 2020, arXiv:2006.10739; Crowson et al. 2024, arXiv:2401.11605",
    article="2.1.4",
    stability=Stability(
        "the input scale of the conditioning path", "bounded features in [−1, 1]", bounded=True
    ),
    examples=(
        Example({"x": (3, 9)}, {"dim": 8}),
        Example({"x": (3, 1)}, {"dim": 4}),
    ),
)


class FourierProjection(nn.Module):
    """Random Fourier features of a vector: [B, C] → [B, dim] (Tancik et al. 2020)."""

    frequencies: Tensor

    def __init__(self, in_features: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(dim // 2, in_features))

    def forward(self, x: Tensor) -> Tensor:
        angles = 2 * math.pi * x @ self.frequencies.T
        return torch.cat([angles.cos(), angles.sin()], dim=-1)
