"""Sinusoidal embedding of the timestep."""

import math

import torch
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="TimestepEmbedding",
    title="Sinusoidal timestep embedding",
    family="Conditioning",
    tags=("embedding", "time_embedding"),
    kind="function",
    target="timestep_embedding",
    summary="Maps each timestep to sines and cosines of geometric frequencies.",
    glyph="∿",
    inputs=(Port("t", "timestep", "*S", help="timesteps, or other numbers such as sizes"),),
    outputs=(Port("out", "vector", "*S dim"),),
    params=(
        Param("dim", "int", 128, minimum=2, positional=True, omit=None, help="size of the embedding; even"),
        Param(
            "cos_first",
            "bool",
            False,
            help="[cos, sin] (ADM, Stable Diffusion, DiT) instead of [sin, cos] (DDPM)",
        ),
        Param(
            "frequency_shift",
            "int",
            0,
            minimum=0,
            maximum=1,
            help="subtracted from dim/2 in the divisor: 1 in DDPM, 0 in ADM",
        ),
        Param("max_period", "int", 10000, minimum=2, unit="steps", help="longest wavelength / 2π"),
    ),
    constraints=(
        Constraint(
            "dim % 2 == 0", "the embedding size {dim} is odd; it holds a sine and a cosine per frequency"
        ),
    ),
    saved=("out_numel/2 + dim/2",),
    formula="[sin(t ω_k), cos(t ω_k)], ω_k = max_period^(−k/(dim/2 − shift))",
    reference="Vaswani et al. 2017, arXiv:1706.03762; Ho et al. 2020, arXiv:2006.11239",
    article="2.1.4",
    stability=Stability(
        "the input scale of the conditioning path", "bounded features in [−1, 1] for any t", bounded=True
    ),
    examples=(
        Example({"t": (3,)}, {"dim": 8}),
        Example({"t": (3, 2)}, {"dim": 4, "cos_first": True}),
        Example({"t": (3,)}, {"dim": 8, "cos_first": True, "frequency_shift": 1}),
    ),
)


def timestep_embedding(
    t: Tensor, dim: int, *, cos_first: bool = False, frequency_shift: int = 0, max_period: int = 10000
) -> Tensor:
    """Sinusoidal embedding of timesteps: t [...] → [..., dim] (Ho et al. 2020, section 3.3)."""
    half = dim // 2
    exponent = -math.log(max_period) * torch.arange(half, dtype=torch.float32, device=t.device)
    angles = t.float()[..., None] * torch.exp(exponent / (half - frequency_shift))
    first, second = (angles.cos(), angles.sin()) if cos_first else (angles.sin(), angles.cos())
    return torch.cat([first, second], dim=-1)
