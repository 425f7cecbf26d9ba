"""Random Fourier features of the timestep, as conditional U-Nets with time_embedding_type fourier use them."""

import math

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="FourierTime",
    title="Random Fourier features of the timestep",
    family="Conditioning",
    tags=("embedding", "time_embedding"),
    kind="module",
    target="FourierTime",
    summary="Sines and cosines of the timestep itself at random, frozen frequencies that belong to the weights.",
    glyph="∿",
    inputs=(Port("t", "timestep", "B"),),
    outputs=(Port("out", "vector", "B dim"),),
    params=(
        Param("dim", "int", 256, minimum=2, positional=True, omit=None, help="size of the embedding; even"),
        Param("cos_first", "bool", False, help="[cos, sin] instead of [sin, cos]"),
    ),
    constraints=(
        Constraint(
            "dim % 2 == 0", "the embedding size {dim} is odd; it holds a sine and a cosine per frequency"
        ),
    ),
    parameters="dim//2",
    state={"frequencies": "dim//2"},
    frozen=True,
    saved=("out_numel/2",),
    work="3*out_numel/2",
    formula="[sin, cos](2π W t), W ~ N(0, 1) frozen",
    reference="Tancik et al. 2020, arXiv:2006.10739",
    article="2.1.4",
    stability=Stability(
        "the input scale of the conditioning path", "bounded features in [−1, 1] for any t", bounded=True
    ),
    examples=(Example({"t": (3,)}, {"dim": 8}), Example({"t": (3,)}, {"dim": 6, "cos_first": True})),
)


class FourierTime(nn.Module):
    """Random Fourier features of timesteps: [B] → [B, dim] (Tancik et al. 2020)."""

    def __init__(self, dim: int, *, cos_first: bool = False) -> None:
        super().__init__()
        self.cos_first = cos_first
        # A frozen parameter: it belongs to the state dict and to the parameter count.
        self.frequencies = nn.Parameter(torch.randn(dim // 2), requires_grad=False)

    def forward(self, t: Tensor) -> Tensor:
        angles = t.float()[:, None] * self.frequencies * 2 * math.pi
        parts = [angles.cos(), angles.sin()] if self.cos_first else [angles.sin(), angles.cos()]
        return torch.cat(parts, dim=-1)
