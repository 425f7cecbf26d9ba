"""Attention whose logits cannot explode: soft cap, hard clip, cosine. Heads in, joined tokens out."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="SoftCapAttention",
        title="Attention, soft cap",
        family="Attention",
        tags=("attention", "bounded_logits"),
        kind="function",
        target="soft_cap_attention",
        summary="Squashes attention logits into (−cap, cap) by a tanh.",
        glyph="✳",
        inputs=(
            Port("q", "heads", "B heads N head_size"),
            Port("k", "heads", "B heads M head_size"),
            Port("v", "heads", "B heads M value_size"),
        ),
        outputs=(Port("out", "tokens", "B N heads*value_size"),),
        params=(Param("cap", "float", 50.0, minimum=1.0, help="largest logit"),),
        flops="2*q_numel*M + 2*M*out_numel",
        saved=(
            "q if B == 1",
            "k if B == 1",
            "v if B == 1",
            "2*B*heads*N*M",
            "0 if B == 1 else q_numel + k_numel + v_numel",
        ),
        work="2*B*heads*N*M + out_numel",
        formula="softmax(cap·tanh(QKᵀ/(√d_h·cap))) V",
        reference="Gemma Team 2024, arXiv:2408.00118",
        article="12.1",
        stability=Stability(
            "logit explosion and saturated softmax",
            "logits within ±cap at any weights; gradients shrink smoothly near the cap, and no fused kernel applies",
            bounded=True,
        ),
        examples=(
            Example({"q": (2, 3, 5, 4), "k": (2, 3, 5, 4), "v": (2, 3, 5, 4)}, {}),
            Example({"q": (1, 2, 5, 4), "k": (1, 2, 7, 4), "v": (1, 2, 7, 6)}, {"cap": 10.0}),
        ),
    ),
    BlockSpec(
        name="ClippedAttention",
        title="Attention, hard clip",
        family="Attention",
        tags=("attention", "bounded_logits"),
        kind="function",
        target="clipped_attention",
        summary="Clips attention logits to [−cap, cap].",
        glyph="✳",
        inputs=(
            Port("q", "heads", "B heads N head_size"),
            Port("k", "heads", "B heads M head_size"),
            Port("v", "heads", "B heads M value_size"),
        ),
        outputs=(Port("out", "tokens", "B N heads*value_size"),),
        params=(Param("cap", "float", 50.0, minimum=1.0, help="largest logit"),),
        flops="2*q_numel*M + 2*M*out_numel",
        saved=(
            "q if B == 1",
            "k if B == 1",
            "v if B == 1",
            "2*B*heads*N*M",
            "0 if B == 1 else q_numel + k_numel + v_numel",
        ),
        work="2*B*heads*N*M + B*heads*N",
        formula="softmax(clip(QKᵀ/√d_h, −cap, cap)) V",
        reference="Vaswani et al. 2017, arXiv:1706.03762; article section 12.1",
        article="12.1",
        stability=Stability(
            "logit explosion and saturated softmax",
            "logits within ±cap, but a clipped logit gets no gradient: prefer the soft cap",
            bounded=True,
        ),
        examples=(
            Example({"q": (2, 3, 5, 4), "k": (2, 3, 5, 4), "v": (2, 3, 5, 4)}, {}),
            Example({"q": (1, 2, 5, 4), "k": (1, 2, 7, 4), "v": (1, 2, 7, 6)}, {"cap": 10.0}),
        ),
    ),
    BlockSpec(
        name="CosineAttention",
        title="Cosine attention",
        family="Attention",
        tags=("attention", "bounded_logits"),
        kind="module",
        target="CosineAttention",
        summary="Logits are the cosine of query and key times a learned temperature of each head.",
        glyph="✳",
        inputs=(
            Port("q", "heads", "B heads N head_size"),
            Port("k", "heads", "B heads M head_size"),
            Port("v", "heads", "B heads M value_size"),
        ),
        outputs=(Port("out", "tokens", "B N heads*value_size"),),
        params=(Param("heads", "int", inferred=True, minimum=1, positional=True, help="attention heads"),),
        parameters="heads",
        state={"tau": "heads 1 1"},
        flops="2*q_numel*M + 2*M*out_numel",
        saved=(
            "q",
            "k",
            "v if value_size == head_size or B == 1",
            "out if value_size == head_size",
            "2*q_numel + k_numel + 2*B*heads*(N + M) + heads",
            "B*heads*N if value_size == head_size else B*heads*N*M + (0 if B == 1 else v_numel)",
        ),
        formula="softmax(exp(min(τ_h, ln 100))·cos(Q, K)) V, τ = ln 10 at start",
        reference="Liu et al. 2021, arXiv:2111.09883 (Swin V2)",
        article="12.1",
        stability=Stability(
            "logit explosion and saturated softmax",
            "logits within ±100 whatever the norm of q and k",
            bounded=True,
        ),
        examples=(
            Example({"q": (2, 3, 5, 4), "k": (2, 3, 5, 4), "v": (2, 3, 5, 4)}, {}),
            Example({"q": (1, 2, 5, 4), "k": (1, 2, 7, 4), "v": (1, 2, 7, 6)}, {}),
        ),
    ),
)


def soft_cap_attention(q: Tensor, k: Tensor, v: Tensor, *, cap: float = 50.0) -> Tensor:
    """q [B, h, N, d], k and v [B, h, M, d] → [B, N, h·d], logits within ±cap (Gemma Team 2024)."""
    logits = q @ k.transpose(-2, -1) / (math.sqrt(q.shape[-1]) * cap)  # [B, h, N, M]
    weights = (cap * torch.tanh(logits)).softmax(dim=-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def clipped_attention(q: Tensor, k: Tensor, v: Tensor, *, cap: float = 50.0) -> Tensor:
    """q [B, h, N, d], k and v [B, h, M, d] → [B, N, h·d], logits clipped to ±cap."""
    logits = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # [B, h, N, M]
    return (logits.clamp(-cap, cap).softmax(dim=-1) @ v).transpose(1, 2).flatten(2)


class CosineAttention(nn.Module):
    """q [B, h, N, d], k and v [B, h, M, d] → [B, N, h·d], logits by cosine (Liu et al. 2021)."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.tau = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        temperature = self.tau.clamp(max=math.log(100.0)).exp()
        q, k = temperature * F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        return F.scaled_dot_product_attention(q, k, v, scale=1.0).transpose(1, 2).flatten(2)
