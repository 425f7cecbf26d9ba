"""Attention that costs less than all pairs: shared keys, linear, windows, neighbourhoods."""

import torch
import torch.nn.functional as F
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="GroupedQueryAttention",
        title="Grouped-query attention",
        family="Attention",
        tags=("attention",),
        kind="function",
        target="grouped_query_attention",
        summary="Softmax attention in which several query heads share one key and value head.",
        glyph="✳",
        inputs=(
            Port("q", "heads", "B heads N head_size"),
            Port("k", "heads", "B kv_heads M head_size"),
            Port("v", "heads", "B kv_heads M value_size"),
        ),
        outputs=(Port("out", "tokens", "B N heads*value_size"),),
        constraints=(
            Constraint(
                "heads % kv_heads == 0",
                "{heads} query heads cannot share {kv_heads} key heads evenly; use a divisor",
            ),
        ),
        flops="2*q_numel*M + 2*M*out_numel",
        saved=("q", "k", "v", "out", "B*heads*N"),
        formula="softmax(Q_h K_gᵀ/√d_h) V_g, g = ⌊h·G/H⌋",
        reference="Ainslie et al. 2023, arXiv:2305.13245",
        article="12.1",
        stability=Stability("", "fewer key weights, same logits: QK-norm applies as usual"),
        examples=(
            Example({"q": (2, 4, 5, 4), "k": (2, 2, 5, 4), "v": (2, 2, 5, 4)}, {}),
            Example({"q": (1, 2, 5, 4), "k": (1, 1, 7, 4), "v": (1, 1, 7, 4)}, {}),
        ),
    ),
    BlockSpec(
        name="LinearAttention",
        title="Linear attention",
        family="Attention",
        tags=("attention", "bounded_logits"),
        kind="function",
        target="linear_attention",
        summary="ReLU features instead of a softmax: cost grows with the tokens, not with their square.",
        glyph="✳",
        inputs=(
            Port("q", "heads", "B heads N head_size"),
            Port("k", "heads", "B heads M head_size"),
            Port("v", "heads", "B heads M value_size"),
        ),
        outputs=(Port("out", "tokens", "B N heads*value_size"),),
        params=(Param("eps", "float", 1e-6, minimum=0.0, help="added to the denominator"),),
        flops="2*k_numel*value_size + 2*q_numel*value_size + 2*q_numel",
        saved=(
            "v if B == 1",
            "q_numel + k_numel + out_numel + B*heads*(head_size*value_size + head_size + N)",
            "0 if B == 1 else 2*q_numel + k_numel + v_numel",
        ),
        formula="φ(Q)(φ(K)ᵀV) / (φ(Q)·Σφ(K) + ε), φ = ReLU",
        reference="Katharopoulos et al. 2020, arXiv:2006.16236; Xie et al. 2024, arXiv:2410.10629 (SANA)",
        article="12.1, Part IV",
        stability=Stability(
            "softmax saturation",
            "no exponential, so nothing saturates; a token whose features are all 0 attends to nothing",
        ),
        examples=(
            Example({"q": (2, 3, 5, 4), "k": (2, 3, 5, 4), "v": (2, 3, 5, 4)}, {}),
            Example({"q": (1, 2, 5, 4), "k": (1, 2, 7, 4), "v": (1, 2, 7, 6)}, {}),
        ),
    ),
    BlockSpec(
        name="WindowAttention",
        title="Windowed attention",
        family="Attention",
        tags=("attention",),
        kind="function",
        target="window_attention",
        summary="Tokens attend within squares of the grid that they come from.",
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
                "window",
                "int",
                4,
                minimum=1,
                unit="tokens",
                positional=True,
                omit=None,
                help="side of a window",
            ),
        ),
        constraints=(
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
        saved=("4*q_numel + q_numel/head_size",),
        formula="softmax(QKᵀ/√d_h) V within each window of w × w tokens",
        reference="Liu et al. 2021, arXiv:2103.14030 (Swin)",
        article="12.1",
        stability=Stability(
            "", "fewer tokens in each softmax: smaller gradient variance, no exchange between windows"
        ),
        examples=(
            Example(
                {"q": (2, 2, 16, 4), "k": (2, 2, 16, 4), "v": (2, 2, 16, 4), "like": (2, 3, 8, 8)},
                {"window": 2},
            ),
            Example(
                {"q": (1, 2, 12, 4), "k": (1, 2, 12, 4), "v": (1, 2, 12, 4), "like": (1, 3, 2, 6)},
                {"patch_size": 1, "window": 2},
            ),
        ),
    ),
    BlockSpec(
        name="NeighbourhoodAttention",
        title="Neighbourhood attention",
        family="Attention",
        tags=("attention",),
        kind="function",
        target="neighbourhood_attention",
        summary="Each token attends to the square of the grid around it; at borders the square moves inwards.",
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
                "kernel",
                "int",
                7,
                minimum=1,
                unit="tokens",
                positional=True,
                omit=None,
                help="side of the square; odd",
            ),
        ),
        constraints=(
            Constraint("kernel % 2 == 1", "the kernel {kernel} has no centre; use an odd number"),
            Constraint(
                "kernel <= H//patch_size", "the kernel {kernel} exceeds the rows of tokens of height {H}"
            ),
            Constraint(
                "kernel <= W//patch_size", "the kernel {kernel} exceeds the columns of tokens of width {W}"
            ),
        ),
        flops="4*q_numel*(H//patch_size)*(W//patch_size)",
        saved=("q", "k", "v", "out", "q_numel/head_size + (q_numel/(B*heads*head_size))**2"),
        formula="softmax(QKᵀ/√d_h) V over the k × k nearest tokens",
        reference="Hassani et al. 2022, arXiv:2204.07143",
        article="12.1",
        stability=Stability(
            "",
            "local and translation-equivariant; written as masked attention, so that it exports: "
            "the cost is that of all pairs",
        ),
        examples=(
            Example(
                {"q": (2, 2, 16, 4), "k": (2, 2, 16, 4), "v": (2, 2, 16, 4), "like": (2, 3, 8, 8)},
                {"kernel": 3},
            ),
            Example(
                {"q": (1, 2, 15, 4), "k": (1, 2, 15, 4), "v": (1, 2, 15, 4), "like": (1, 3, 3, 5)},
                {"patch_size": 1, "kernel": 3},
            ),
        ),
    ),
)


def grouped_query_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q [B, h, N, d], k and v [B, g, M, d], g divides h → [B, N, h·d] (Ainslie et al. 2023)."""
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=True).transpose(1, 2).flatten(2)


def linear_attention(q: Tensor, k: Tensor, v: Tensor, *, eps: float = 1e-6) -> Tensor:
    """q [B, h, N, d], k and v [B, h, M, d] → [B, N, h·d] at a cost linear in N and M (Xie et al. 2024)."""
    q, k = F.relu(q), F.relu(k)
    total = k.sum(dim=2).unsqueeze(-1)  # [B, h, d, 1]
    found = q @ (k.transpose(-2, -1) @ v) / (q @ total + eps)
    return found.transpose(1, 2).flatten(2)


def window_attention(q: Tensor, k: Tensor, v: Tensor, like: Tensor, patch_size: int, window: int) -> Tensor:
    """q, k, v [B, h, N, d] of a map [B, C, H, W] → [B, N, h·d], attention in windows (Liu et al. 2021)."""
    rows, columns = like.shape[-2] // (patch_size * window), like.shape[-1] // (patch_size * window)

    def windows(x: Tensor) -> Tensor:  # [B, h, N, d] → [B · rows · columns, h, window², d]
        grid = torch.unflatten(x.transpose(1, 2), 1, (rows, window, columns, window)).transpose(2, 3)
        return grid.flatten(3, 4).flatten(0, 2).transpose(1, 2)

    found = F.scaled_dot_product_attention(windows(q), windows(k), windows(v)).transpose(1, 2).flatten(2)
    grid = torch.unflatten(torch.unflatten(found, 1, (window, window)), 0, (-1, rows, columns))
    return grid.transpose(2, 3).flatten(1, 4)


def neighbours(size: int, kernel: int, like: Tensor) -> Tensor:
    """Which of `size` positions lie in the kernel of each, moved inwards at the ends: [n, n] of bool."""
    index = torch.arange(size, device=like.device)
    center = index.clamp(kernel // 2, size - 1 - kernel // 2)
    return (index[None] - center[:, None]).abs() <= kernel // 2


def neighbourhood_attention(
    q: Tensor, k: Tensor, v: Tensor, like: Tensor, patch_size: int, kernel: int
) -> Tensor:
    """q, k, v [B, h, N, d] of a map [B, C, H, W] → [B, N, h·d], k × k nearest (Hassani et al. 2022)."""
    rows = neighbours(like.shape[-2] // patch_size, kernel, q)
    columns = neighbours(like.shape[-1] // patch_size, kernel, q)
    mask = rows[:, None, :, None] & columns[None, :, None, :]  # [h, w, h, w]
    mask = mask.flatten(2, 3).flatten(0, 1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
