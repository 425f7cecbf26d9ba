"""Attention heads cut out of tokens, and attention that leaves some tokens out."""

import torch
import torch.nn.functional as F
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="SplitHeads",
        title="Split heads",
        family="Attention",
        tags=("reshape",),
        kind="function",
        target="split_heads",
        summary="Cuts the features of each token into attention heads.",
        glyph="⋔",
        inputs=(Port("x", "tokens", "B N features"),),
        outputs=(Port("out", "heads", "B num_heads N features//num_heads"),),
        params=(
            Param(
                "num_heads",
                "int",
                8,
                minimum=1,
                positional=True,
                omit=None,
                help="heads; must divide the features",
            ),
        ),
        constraints=(
            Constraint(
                "features % num_heads == 0",
                "{features} features cannot be split into {num_heads} heads; choose num_heads that divides them",
            ),
        ),
        views={"out": "x"},
        formula="[B, N, h·d] → [B, h, N, d]",
        reference="Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2",
        article="12.1, 13",
        stability=Stability("", "moves values, changes none"),
        examples=(Example({"x": (2, 5, 8)}, {"num_heads": 2}),),
    ),
    BlockSpec(
        name="MaskedAttention",
        title="Dot-product attention with a mask",
        family="Attention",
        tags=("attention",),
        kind="function",
        target="masked_attention",
        summary="Softmax attention over heads that skips the keys whose mask is 0, such as the padding of a text.",
        glyph="✳",
        inputs=(
            Port("q", "heads", "B heads N head_size"),
            Port("k", "heads", "B heads M head_size"),
            Port("v", "heads", "B heads M value_size"),
            Port("mask", "mask", "B M", help="0 where a key is left out"),
        ),
        outputs=(Port("out", "tokens", "B N heads*value_size"),),
        flops="2*q_numel*M + 2*M*out_numel",
        saved=(
            "q if value_size == head_size",
            "k if value_size == head_size",
            "v if value_size == head_size or B == 1",
            "out if value_size == head_size",
            "mask_numel + B*heads*N if value_size == head_size else q_numel + k_numel + B*heads*N*M + (0 if B == 1 else v_numel)",
        ),
        formula="softmax(QKᵀ/√d_h + b) V, b = 0 where mask ≠ 0, else −10⁴",
        reference="Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3; Chen et al. 2023, arXiv:2310.00426",
        article="12.1, 13",
        stability=Stability(
            "",
            "a finite bias: a text without any token gives the mean of the values rather than NaN",
        ),
        examples=(
            Example({"q": (2, 3, 5, 4), "k": (2, 3, 7, 4), "v": (2, 3, 7, 4), "mask": (2, 7)}, {}),
            Example({"q": (1, 2, 5, 4), "k": (1, 2, 5, 4), "v": (1, 2, 5, 6), "mask": (1, 5)}, {}),
        ),
    ),
)


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Cut tokens [B, N, h·d] into heads [B, h, N, d] (Vaswani et al. 2017)."""
    return torch.unflatten(x, -1, (num_heads, -1)).transpose(1, 2)


def masked_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """q [B, h, N, d], k and v [B, h, M, d], mask [B, M], 0 for keys to skip → [B, N, h·d]."""
    bias = (mask == 0).to(q.dtype)[:, None, None] * -10000.0  # [B, 1, 1, M]
    bias = bias.expand(-1, -1, q.shape[2], -1)  # the ONNX operator broadcasts over heads only
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2)
