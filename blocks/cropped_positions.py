"""Positions of Stable Diffusion 3: the middle of one large sine-cosine table."""

import math

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="CroppedSinCosPosition",
    title="Sine-cosine positions, cropped",
    family="Tokens",
    kind="module",
    target="CroppedSinCosPosition",
    summary="Adds the middle part of a fixed sine-cosine table: any size and aspect ratio is centred in it.",
    tags=("position",),
    glyph="⌗",
    inputs=(
        Port("tokens", "tokens", "B N hidden_size"),
        Port("like", "map", "B C H W", help="the map that was cut into patches"),
    ),
    outputs=(Port("out", "tokens", "B N hidden_size"),),
    params=(
        Param("hidden_size", "int", inferred=True, minimum=4, positional=True, help="features of a token"),
        Param(
            "grid_size",
            "int",
            192,
            minimum=1,
            maximum=1024,
            unit="patches",
            positional=True,
            omit=None,
            help="rows and columns of the table",
        ),
        Param(
            "base_size",
            "int",
            64,
            minimum=1,
            unit="patches",
            omit=None,
            help="positions run from 0 to base_size over the table",
        ),
        Param(
            "patch_size", "int", 2, minimum=1, maximum=64, unit="pixels", omit=None, help="side of a patch"
        ),
    ),
    state={"table": "grid_size*grid_size hidden_size"},
    constraints=(
        Constraint(
            "hidden_size % 4 == 0",
            "hidden_size {hidden_size} is not a multiple of 4 (sine and cosine, 2 axes)",
        ),
        Constraint(
            "H//patch_size <= grid_size",
            "height {H} has more patches than the table of positions, {grid_size}",
        ),
        Constraint(
            "W//patch_size <= grid_size",
            "width {W} has more patches than the table of positions, {grid_size}",
        ),
        Constraint(
            "N == (H//patch_size)*(W//patch_size)",
            "{N} tokens are not the patches of a map {H}×{W} at patch size {patch_size}",
        ),
    ),
    work="tokens_numel/B",
    formula="h ← h + table[mid ± h/2, mid ± w/2], positions k·base_size/grid_size",
    reference="Esser et al. 2024, arXiv:2403.03206",
    article="2.4.2",
    stability=Stability(
        "",
        "fixed and bounded; the centre of every aspect ratio keeps its position",
        gain="1 + 1/(2*q)",
        bounded=True,
    ),
    examples=(
        Example({"tokens": (2, 8, 8), "like": (2, 3, 8, 4)}, {"grid_size": 7, "base_size": 4}),
        Example({"tokens": (2, 6, 8), "like": (2, 3, 3, 2)}, {"grid_size": 6, "patch_size": 1}),
    ),
)


class CroppedSinCosPosition(nn.Module):
    """Add the middle of a table of positions: tokens [B, hw, D] of a map [B, C, H, W] (Esser et al. 2024)."""

    table: Tensor

    def __init__(self, hidden_size: int, grid_size: int, *, base_size: int, patch_size: int) -> None:
        super().__init__()
        self.grid_size, self.patch_size = grid_size, patch_size
        quarter = hidden_size // 4
        omega = torch.exp(-math.log(10000.0) * torch.arange(quarter, dtype=torch.float64) / quarter)
        position = torch.arange(grid_size, dtype=torch.float64) * (base_size / grid_size)
        angles = position[:, None] * omega[None]
        axis = torch.cat([angles.sin(), angles.cos()], dim=1).float()  # [grid, D / 2]
        columns = axis[None, :, :].expand(grid_size, grid_size, -1)
        rows = axis[:, None, :].expand(grid_size, grid_size, -1)
        # A buffer, as published: it belongs to the state dict but not to the parameter count.
        self.register_buffer("table", torch.cat([columns, rows], dim=-1).flatten(0, 1))

    def forward(self, tokens: Tensor, like: Tensor) -> Tensor:
        height, width = like.shape[-2] // self.patch_size, like.shape[-1] // self.patch_size
        # (grid - size) // 2 in whole numbers that stay positive: exported division cuts towards 0
        middle, even = self.grid_size // 2, 1 - self.grid_size % 2
        top, left = middle - (height + even) // 2, middle - (width + even) // 2
        table = torch.unflatten(self.table, 0, (self.grid_size, self.grid_size))
        return tokens + table[top : top + height, left : left + width].flatten(0, 1)
