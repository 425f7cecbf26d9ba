"""Rotary positions of HDiT: each head turns by frequencies of its own, over a grid that spans [−1, 1]."""

import math

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="AxialRotary",
        title="Axial rotary positions",
        family="Tokens",
        kind="module",
        target="AxialRotary",
        summary="Cosines and sines of row and column; the longer side spans [−1, 1] at every resolution.",
        tags=("position",),
        glyph="↻",
        inputs=(Port("like", "map", "B C H W", help="the grid of tokens"),),
        outputs=(
            Port("cos", "rotary", "num_heads H*W 2*(head_size//8)"),
            Port("sin", "rotary", "num_heads H*W 2*(head_size//8)"),
        ),
        params=(
            Param("head_size", "int", minimum=8, positional=True, help="features of a head; half of them turn"),
            Param("num_heads", "int", minimum=1, positional=True, help="attention heads"),
        ),
        constraints=(
            Constraint("head_size % 8 == 0", "head_size {head_size} is not a multiple of 8 (half turns, 2 axes, pairs)"),
        ),
        formula="angle = y·ω and x·ω, ω log-spaced from π to 10π over heads and pairs",
        reference="Crowson et al. 2024, arXiv:2401.11605; Su et al. 2021, arXiv:2104.09864",
        article="2.4.2, 12.1",
        stability=Stability(
            "", "positions are relative to the image, so that a trained network meets known angles at other sizes",
            bounded=True,
        ),
        examples=(
            Example({"like": (2, 3, 4, 6)}, {"head_size": 16, "num_heads": 3}),
            Example({"like": (1, 3, 5, 2)}, {"head_size": 8, "num_heads": 2}),
        ),
    ),
    BlockSpec(
        name="RotateHalves",
        title="Rotate half by half",
        family="Attention",
        kind="function",
        target="rotate_halves",
        summary="Rotates the first features of queries or keys against the next ones; the rest stays.",
        tags=("position",),
        glyph="↻",
        inputs=(
            Port("x", "heads", "B num_heads N head_size"),
            Port("cos", "rotary", "num_heads N pairs"),
            Port("sin", "rotary", "num_heads N pairs"),
        ),
        outputs=(Port("out", "heads", "B num_heads N head_size"),),
        constraints=(
            Constraint("2*pairs <= head_size", "{pairs} pairs need more than the {head_size} features of a head"),
        ),
        saved=("x if cos", "cos if x", "sin if x"),
        work="2*B*cos_numel",
        formula="(x₁, x₂, x₃) ← (x₁ cos − x₂ sin, x₂ cos + x₁ sin, x₃)",
        reference="Su et al. 2021, arXiv:2104.09864",
        article="2.4.2, 12.1",
        stability=Stability("", "a rotation: norms, and so the scale of the logits, stay as they are", gain="1"),
        examples=(
            Example({"x": (2, 3, 5, 8), "cos": (3, 5, 2), "sin": (3, 5, 2)}, {}),
            Example({"x": (2, 3, 5, 8), "cos": (3, 5, 4), "sin": (3, 5, 4)}, {}),
        ),
    ),
)  # fmt: skip


class AxialRotary(nn.Module):
    """Rotary positions of a grid [B, C, H, W] → cos, sin [heads, HW, d / 4] (Crowson et al. 2024)."""

    frequencies: Tensor

    def __init__(self, head_size: int, num_heads: int) -> None:
        super().__init__()
        pairs = head_size // 8  # for each axis
        steps = torch.arange(num_heads * pairs, dtype=torch.float64) / (num_heads * pairs)
        frequencies = (math.pi * 10.0**steps).view(pairs, num_heads).T
        self.register_buffer(
            "frequencies", frequencies[:, None].float(), persistent=False
        )  # [heads, 1, d / 8]

    def forward(self, like: Tensor) -> tuple[Tensor, Tensor]:
        height, width = like.shape[2], like.shape[3]
        rows = 2 * torch.arange(height, device=like.device) + 1 - height
        columns = 2 * torch.arange(width, device=like.device) + 1 - width
        longest = torch.maximum(rows[-1], columns[-1]) + 1
        rows = (rows / longest)[:, None].expand(height, width).flatten()[:, None]  # [HW, 1]
        columns = (columns / longest).expand(height, width).flatten()[:, None]
        angles = torch.cat([rows * self.frequencies, columns * self.frequencies], dim=-1)
        return angles.cos(), angles.sin()


def rotate_halves(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate queries or keys: x [B, heads, N, d], cos and sin [heads, N, k], 2k ≤ d (Su et al. 2021)."""
    pairs = cos.shape[-1]
    first, second, rest = x[..., :pairs], x[..., pairs : 2 * pairs], x[..., 2 * pairs :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)
