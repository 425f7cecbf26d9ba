"""Attention within windows that are shifted against those of the layer before."""

import torch
import torch.nn.functional as F
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="ShiftedWindowAttention",
    title="Shifted-window attention",
    family="Attention",
    kind="function",
    target="shifted_window_attention",
    summary="Tokens attend within squares of the grid; every other layer shifts the squares, so that news travel.",
    tags=("attention",),
    glyph="▦",
    inputs=(
        Port("q", "heads", "B heads (H//patch_size)*(W//patch_size) head_size"),
        Port("k", "heads", "B heads (H//patch_size)*(W//patch_size) head_size"),
        Port("v", "heads", "B heads (H//patch_size)*(W//patch_size) head_size"),
        Port("like", "map", "B C H W", help="the map that was cut into patches: gives height and width"),
    ),
    outputs=(Port("out", "tokens", "B (H//patch_size)*(W//patch_size) heads*head_size"),),
    params=(
        Param(
            "patch_size",
            "int",
            2,
            minimum=1,
            unit="pixels",
            positional=True,
            omit=None,
            help="side of a patch",
        ),
        Param(
            "window", "int", 4, minimum=1, unit="tokens", positional=True, omit=None, help="side of a window"
        ),
        Param(
            "shift",
            "int",
            2,
            minimum=0,
            unit="tokens",
            positional=True,
            omit=None,
            help="by how much the windows are shifted: half a window in every other layer, else 0",
        ),
    ),
    constraints=(
        Constraint("shift < window", "the shift {shift} must be smaller than the window {window}"),
        Constraint(
            "H % (patch_size*window) == 0",
            "height {H} is not a multiple of {patch_size} × {window} pixels, patch size × window",
        ),
        Constraint(
            "W % (patch_size*window) == 0",
            "width {W} is not a multiple of {patch_size} × {window} pixels, patch size × window",
        ),
    ),
    flops="4*q_numel*window**2",
    saved=("4*q_numel + q_numel/head_size + q_numel*window**2/(B*head_size)",),
    formula="softmax(QKᵀ/√d_h) V within each window of w × w tokens, after a cyclic shift that a mask confines",
    reference="Liu et al. 2021, arXiv:2103.14030 (Swin); Crowson et al. 2024, arXiv:2401.11605",
    article="12.1",
    stability=Stability(
        "", "fewer tokens in each softmax: smaller gradient variance; shifts let windows exchange"
    ),
    examples=(
        Example(
            {"q": (2, 2, 16, 4), "k": (2, 2, 16, 4), "v": (2, 2, 16, 4), "like": (2, 3, 8, 8)},
            {"window": 2, "shift": 1},
        ),
        Example(
            {"q": (1, 2, 12, 4), "k": (1, 2, 12, 4), "v": (1, 2, 12, 4), "like": (1, 3, 2, 6)},
            {"patch_size": 1, "window": 2, "shift": 0},
        ),
    ),
)


def shifted_window_attention(
    q: Tensor, k: Tensor, v: Tensor, like: Tensor, patch_size: int, window: int, shift: int
) -> Tensor:
    """q, k, v [B, h, N, d] of a map [B, C, H, W] → [B, N, h·d], in shifted windows (Liu et al. 2021)."""
    height, width, heads = like.shape[-2] // patch_size, like.shape[-1] // patch_size, q.shape[1]

    def windows(grid: Tensor) -> Tensor:  # [B, h, height, width, d] → [B, h · windows, window², d]
        cut = torch.unflatten(grid, 3, (width // window, window))
        cut = torch.unflatten(cut, 2, (height // window, window))
        return cut.transpose(3, 4).flatten(4, 5).flatten(1, 3)

    def shifted(x: Tensor) -> Tensor:
        return windows(torch.unflatten(x, 2, (height, width)).roll((shift, shift), (2, 3)))

    # Tokens that the shift carried over an edge attend only to one another.
    carried_down = (torch.arange(height, device=q.device) < shift)[:, None].expand(height, width)
    carried_right = (torch.arange(width, device=q.device) < shift).expand(height, width)
    region = windows((2 * carried_down.long() + carried_right.long()).expand(1, heads, -1, -1)[..., None])
    mask = region == region.transpose(-2, -1)  # [1, h · windows, window², window²]
    found = F.scaled_dot_product_attention(shifted(q), shifted(k), shifted(v), attn_mask=mask)
    cut = torch.unflatten(found, 2, (window, window))
    cut = torch.unflatten(cut, 1, (heads, height // window, width // window))
    grid = cut.transpose(3, 4).flatten(4, 5).flatten(2, 3)  # [B, h, height, width, d]
    return grid.roll((-shift, -shift), (2, 3)).flatten(2, 3).transpose(1, 2).flatten(2)
