"""Queries, keys and values of a map's pixels, in the three orders of channels that published weights use."""

import torch
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="MapHeads",
        title="Heads of a map",
        family="Attention",
        tags=("reshape",),
        kind="function",
        target="map_heads",
        summary="Cuts a map of queries, keys and values into heads over pixels; channels run [qkv][head][channel].",
        glyph="⋔",
        inputs=(Port("qkv", "map", "B channels H W"),),
        outputs=(
            Port("q", "heads", "B num_heads H*W channels//(3*num_heads)"),
            Port("k", "heads", "B num_heads H*W channels//(3*num_heads)"),
            Port("v", "heads", "B num_heads H*W channels//(3*num_heads)"),
        ),
        params=(Param("num_heads", "int", 1, minimum=1, positional=True, omit=None, help="attention heads"),),
        constraints=(
            Constraint(
                "channels % (3*num_heads) == 0",
                "{channels} channels are not queries, keys and values of {num_heads} heads",
            ),
        ),
        formula="[B, 3·h·d, H, W] → 3 × [B, h, HW, d]",
        reference="Dhariwal & Nichol 2021, arXiv:2105.05233 (new attention order)",
        article="2.2.2, 12.1",
        stability=Stability("", "moves values, changes none"),
        examples=(Example({"qkv": (2, 12, 3, 5)}, {"num_heads": 2}),),
    ),
    BlockSpec(
        name="MapHeadsLegacy",
        title="Heads of a map (legacy order)",
        family="Attention",
        tags=("reshape",),
        kind="function",
        target="map_heads_legacy",
        summary="As “Heads of a map”, but channels run [head][qkv][channel]: ADM 128 to 512, Improved DDPM.",
        glyph="⋔",
        inputs=(Port("qkv", "map", "B channels H W"),),
        outputs=(
            Port("q", "heads", "B num_heads H*W channels//(3*num_heads)"),
            Port("k", "heads", "B num_heads H*W channels//(3*num_heads)"),
            Port("v", "heads", "B num_heads H*W channels//(3*num_heads)"),
        ),
        params=(Param("num_heads", "int", 1, minimum=1, positional=True, omit=None, help="attention heads"),),
        constraints=(
            Constraint(
                "channels % (3*num_heads) == 0",
                "{channels} channels are not queries, keys and values of {num_heads} heads",
            ),
        ),
        formula="[B, h·3·d, H, W] → 3 × [B, h, HW, d]",
        reference="Nichol & Dhariwal 2021, arXiv:2102.09672; Dhariwal & Nichol 2021, arXiv:2105.05233",
        article="2.2.2, 12.1",
        stability=Stability("", "moves values, changes none"),
        examples=(Example({"qkv": (2, 12, 3, 5)}, {"num_heads": 2}),),
    ),
    BlockSpec(
        name="MapHeadsInterleaved",
        title="Heads of a map (interleaved order)",
        family="Attention",
        tags=("reshape",),
        kind="function",
        target="map_heads_interleaved",
        summary="As “Heads of a map”, but channels run [head][channel][qkv]: EDM and EDM2.",
        glyph="⋔",
        inputs=(Port("qkv", "map", "B channels H W"),),
        outputs=(
            Port("q", "heads", "B num_heads H*W channels//(3*num_heads)"),
            Port("k", "heads", "B num_heads H*W channels//(3*num_heads)"),
            Port("v", "heads", "B num_heads H*W channels//(3*num_heads)"),
        ),
        params=(Param("num_heads", "int", 1, minimum=1, positional=True, omit=None, help="attention heads"),),
        constraints=(
            Constraint(
                "channels % (3*num_heads) == 0",
                "{channels} channels are not queries, keys and values of {num_heads} heads",
            ),
        ),
        formula="[B, h·d·3, H, W] → 3 × [B, h, HW, d]",
        reference="Karras et al. 2022, arXiv:2206.00364; Karras et al. 2023, arXiv:2312.02696",
        article="2.2.5, 12.1",
        stability=Stability("", "moves values, changes none"),
        examples=(Example({"qkv": (2, 12, 3, 5)}, {"num_heads": 2}),),
    ),
)


def map_heads(qkv: Tensor, num_heads: int) -> tuple[Tensor, ...]:
    """Cut [B, 3·h·d, H, W], channels [qkv][head][channel], into q, k, v [B, h, HW, d]."""
    heads = torch.unflatten(qkv.flatten(2), 1, (3, num_heads, -1)).transpose(-2, -1)
    return tuple(
        one.contiguous() for one in heads.unbind(1)
    )  # fused attention takes only contiguous features


def map_heads_legacy(qkv: Tensor, num_heads: int) -> tuple[Tensor, ...]:
    """Cut [B, h·3·d, H, W], channels [head][qkv][channel], into q, k, v [B, h, HW, d]."""
    heads = torch.unflatten(qkv.flatten(2), 1, (num_heads, 3, -1)).transpose(-2, -1)
    return tuple(
        one.contiguous() for one in heads.unbind(2)
    )  # fused attention takes only contiguous features


def map_heads_interleaved(qkv: Tensor, num_heads: int) -> tuple[Tensor, ...]:
    """Cut [B, h·d·3, H, W], channels [head][channel][qkv], into q, k, v [B, h, HW, d]."""
    heads = torch.unflatten(qkv.flatten(2), 1, (num_heads, -1, 3)).permute(3, 0, 1, 4, 2)
    return tuple(
        one.contiguous() for one in heads.unbind(0)
    )  # fused attention takes only contiguous features
