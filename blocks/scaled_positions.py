"""Sine-cosine positions that span the same range at any resolution."""

import math

import torch
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="ScaledSinCosPosition",
    title="Scaled sine-cosine positions (2D)",
    family="Tokens",
    tags=("position",),
    kind="function",
    target="scaled_sincos_position",
    summary="Adds sine-cosine embeddings of row and column, stretched so that every map spans the base grid.",
    glyph="⌗",
    inputs=(
        Port("tokens", "tokens", "B N hidden_size"),
        Port("like", "map", "B C H W", help="the map that was cut into patches"),
    ),
    outputs=(Port("out", "tokens", "B N hidden_size"),),
    params=(
        Param(
            "patch_size",
            "int",
            2,
            minimum=1,
            maximum=64,
            unit="pixels",
            positional=True,
            omit=None,
            help="side of a patch",
        ),
        Param(
            "base_size",
            "int",
            16,
            minimum=1,
            maximum=4096,
            unit="patches",
            positional=True,
            omit=None,
            help="rows and columns whose positions are 0, 1, 2, … at scale 1",
        ),
        Param("scale", "float", 1.0, minimum=1e-6, help="divides the positions: 2 for twice the resolution"),
    ),
    constraints=(
        Constraint(
            "hidden_size % 4 == 0",
            "the features {hidden_size} are not a multiple of 4 (sine, cosine of row, column)",
        ),
        Constraint(
            "N == (H//patch_size)*(W//patch_size)",
            "{N} tokens are not the patches of a map {H}×{W} at patch size {patch_size}",
        ),
    ),
    formula="h ← h + [sincos(column); sincos(row)], row = r · base/(rows · scale)",
    reference="Chen et al. 2023, arXiv:2310.00426, section 2.4 and appendix",
    article="2.4.2",
    stability=Stability(
        "",
        "fixed and bounded; a trained network meets positions that it knows at another resolution",
        gain="1 + 1/(2*q)",
        bounded=True,
    ),
    examples=(
        Example({"tokens": (2, 8, 8), "like": (2, 3, 8, 4)}, {"base_size": 4}),
        Example({"tokens": (2, 6, 4), "like": (2, 3, 2, 3)}, {"patch_size": 1, "base_size": 4, "scale": 2.0}),
    ),
)


def scaled_sincos_position(
    tokens: Tensor, like: Tensor, patch_size: int, base_size: int, *, scale: float = 1.0
) -> Tensor:
    """Add 2-D positions to tokens [B, hw, D] of a map [B, C, H, W] → [B, hw, D] (Chen et al. 2023)."""
    height, width = like.shape[-2] // patch_size, like.shape[-1] // patch_size
    quarter = tokens.shape[-1] // 4
    exponent = torch.arange(quarter, dtype=torch.float64, device=tokens.device) / quarter
    omega = torch.exp(-math.log(10000.0) * exponent)

    def axis(length: int) -> Tensor:
        places = torch.arange(length, dtype=torch.float32, device=tokens.device)
        angles = (places / (length / base_size) / scale)[:, None] * omega
        return torch.cat([angles.sin(), angles.cos()], dim=1).to(tokens.dtype)  # [length, D / 2]

    columns = axis(width)[None].expand(height, -1, -1)
    rows = axis(height)[:, None].expand(-1, width, -1)
    return tokens + torch.cat([columns, rows], dim=-1).flatten(0, 1)
