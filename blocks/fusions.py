"""Ways in which a skip meets the trunk: operators Fuse(d', s') of streams that are already weighted."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="VPAdd",
        title="Variance-preserving add",
        family="Fusion",
        tags=("add", "fusion", "normalized_add"),
        kind="function",
        target="vp_add",
        summary="The sum of the weighted streams, divided by the root of the squared weights.",
        glyph="⊕",
        inputs=(
            Port("a", "any", "*S", help="the trunk, already times w_a"),
            Port("b", "any", "*S", help="the skip, already times w_b"),
            Port("w_a", "gate", "~S", help="the weight that a was multiplied with"),
            Port("w_b", "gate", "~S", help="the weight that b was multiplied with"),
        ),
        outputs=(Port("out", "same:a", "*S"),),
        params=(
            Param("eps", "float", 1e-6, minimum=0.0, help="keeps the root from 0 where both weights close"),
        ),
        saved=("w_a", "w_b", "a_numel + 2*max(w_a_numel, w_b_numel) if w_a or w_b"),
        work="a_numel",
        formula="y = (w_d d + w_s s)/√(w_d² + w_s² + ε); with weights 1: (d + s)/√2; with 1, α: (d + αs)/√(1 + α²)",
        reference="Karras et al. 2024, arXiv:2312.02696 (magnitude-preserving sum); Song et al. 2021, arXiv:2011.13456",
        article="5.1, 5.2",
        stability=Stability(
            "variance coupling of additive fusions",
            "weights give a direction, not a gain; exact for unit, uncorrelated streams, so normalise them first "
            "(measured without norms: 1 of 12 runs collapsed, against 6 of 12 for the plain sum)",
            weights={"a": "1/sqrt(w_a**2 + w_b**2)", "b": "1/sqrt(w_a**2 + w_b**2)"},
        ),
        examples=(
            Example({"a": (2, 3, 4, 4), "b": (2, 3, 4, 4), "w_a": (2, 1, 1, 1), "w_b": (2, 3, 1, 1)}, {}),
            Example({"a": (2, 5, 4), "b": (2, 5, 4), "w_a": (2, 1, 1), "w_b": (2, 1, 1)}, {}),
        ),
    ),
    BlockSpec(
        name="AttentionFusion",
        title="Attention fusion",
        family="Fusion",
        tags=("attention", "cross_attention", "fusion"),
        kind="module",
        target="AttentionFusion",
        summary="Pixels of the trunk ask pixels of the skip for detail; the answer is added.",
        glyph="✳",
        inputs=(Port("a", "map", "B channels H W"), Port("b", "map", "B skip_channels H W")),
        outputs=(Port("out", "map", "B channels H W"),),
        params=(
            Param("channels", "int", inferred=True, minimum=1, positional=True, help="channels of the trunk"),
            Param(
                "skip_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the skip"
            ),
            Param(
                "num_heads",
                "int",
                1,
                minimum=1,
                positional=True,
                omit=None,
                help="heads; must divide the channels",
            ),
        ),
        constraints=(
            Constraint(
                "channels % num_heads == 0",
                "{channels} channels cannot be split into {num_heads} heads; choose num_heads that divides the channels",
            ),
        ),
        parameters="2*channels*(channels + 1) + 2*channels*(skip_channels + 1)",
        state={
            "q.weight": "channels channels",
            "q.bias": "channels",
            "k.weight": "channels skip_channels",
            "k.bias": "channels",
            "v.weight": "channels skip_channels",
            "v.bias": "channels",
            "proj.weight": "channels channels",
            "proj.bias": "channels",
        },
        flops="4*channels*a_numel + 4*channels*b_numel + 4*a_numel*H*W",
        saved=("5*a_numel + 2*b_numel + num_heads*B*H*W",),
        work="5*a_numel",
        formula="y = d + W_o·Attn(Q = W_q d, K = W_k s, V = W_v s), W_o = 0 at start",
        reference="Vaswani et al. 2017, arXiv:1706.03762; Oktay et al. 2018, arXiv:1804.03999",
        article="7",
        stability=Stability(
            "the semantic gap between local skip features and the trunk",
            "selective instead of unconditional; the output projection starts at 0, so y = d at first; "
            "cost grows with the square of the pixels",
            weights={"a": "1"},
        ),
        examples=(
            Example({"a": (2, 4, 3, 3), "b": (2, 6, 3, 3)}, {}),
            Example({"a": (2, 4, 3, 2), "b": (2, 4, 3, 2)}, {"num_heads": 2}),
        ),
    ),
    BlockSpec(
        name="ChannelShuffleFusion",
        title="Channel-shuffle fusion",
        family="Fusion",
        tags=("fusion", "linear", "conv"),
        kind="module",
        target="ChannelShuffleFusion",
        summary="Interleaves the channels of both streams in two ways and mixes each by a 1×1 convolution (CS-Fusion).",
        glyph="⧖",
        inputs=(Port("a", "map", "B channels H W"), Port("b", "map", "B channels H W")),
        outputs=(Port("out", "map", "B channels H W"),),
        params=(
            Param(
                "channels",
                "int",
                inferred=True,
                minimum=2,
                positional=True,
                help="channels of each stream; even",
            ),
        ),
        constraints=(
            Constraint(
                "channels % 2 == 0", "{channels} channels have no even and odd halves; use an even number"
            ),
        ),
        parameters="2*channels*(channels + 1)",
        state={
            "conv1.weight": "channels channels 1 1",
            "conv1.bias": "channels",
            "conv2.weight": "channels channels 1 1",
            "conv2.bias": "channels",
        },
        flops="4*channels*out_numel",
        saved=("2*a_numel",),
        work="4*a_numel",
        formula="y = W₁[d_odd; s_even] + W₂[d_even; s_odd]",
        reference="Chen et al. 2024, arXiv:2406.05723",
        article="7",
        stability=Stability(
            "unequal activation ranges of the two streams",
            "each convolution sees half of either stream; two convolutions that are summed, not one shuffle and "
            "one mixer as the article writes",
            gain="2/3",
        ),
        examples=(Example({"a": (2, 4, 3, 3), "b": (2, 4, 3, 3)}, {}),),
    ),
    BlockSpec(
        name="SkipDropout",
        title="Skip dropout",
        family="Regularisation",
        tags=("stochastic",),
        kind="module",
        target="SkipDropout",
        summary="Drops the whole skip of a sample at random in training.",
        glyph="⁘",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "same:x", "*S"),),
        params=(
            Param(
                "p",
                "float",
                0.1,
                minimum=0.0,
                maximum=0.99,
                positional=True,
                omit=None,
                help="probability of dropping a skip; at most 0.1 is advised",
            ),
        ),
        work="x_numel",
        formula="s ← m·s/(1 − p), m ~ Bernoulli(1 − p) for each sample",
        reference="Huang et al. 2016, arXiv:1603.09382 (stochastic depth)",
        article="9",
        stability=Stability(
            "reliance of the decoder on the bypass",
            "the trunk must do without the skip now and then; the mean is unchanged, evaluation is deterministic",
            gain="1",
        ),
        examples=(Example({"x": (2, 3, 4, 4)}, {"p": 0.5}), Example({"x": (2, 5, 4)}, {})),
    ),
)


def vp_add(a: Tensor, b: Tensor, w_a: Tensor | float, w_b: Tensor | float, *, eps: float = 1e-6) -> Tensor:
    """Sum of two streams over the root of their squared weights, which multiplied them before."""
    return (a + b) / (w_a**2 + w_b**2 + eps) ** 0.5


class AttentionFusion(nn.Module):
    """Add what trunk pixels find in the skip: d [B, C, H, W], s [B, S, H, W] → [B, C, H, W]."""

    def __init__(self, channels: int, skip_channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(skip_channels, channels)
        self.v = nn.Linear(skip_channels, channels)
        self.proj = nn.Linear(channels, channels)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        trunk, skip = a.flatten(2).transpose(1, 2), b.flatten(2).transpose(1, 2)  # [B, HW, C], [B, HW, S]
        q, k, v = (
            tokens.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # [B, heads, HW, C / heads]
            for tokens in (self.q(trunk), self.k(skip), self.v(skip))
        )
        found = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return a + torch.unflatten(self.proj(found).transpose(1, 2), 2, a.shape[2:])


class ChannelShuffleFusion(nn.Module):
    """Mix two interleavings of the channels: d, s [B, C, H, W] → [B, C, H, W] (Chen et al. 2024)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        a_even, a_odd = torch.unflatten(a, 1, (-1, 2)).unbind(2)
        b_even, b_odd = torch.unflatten(b, 1, (-1, 2)).unbind(2)
        first = torch.cat([a_odd, b_even], dim=1)
        second = torch.cat([a_even, b_odd], dim=1)
        a = self.conv1(first) + self.conv2(second)
        return a


class SkipDropout(nn.Module):
    """Drop the whole skip of a sample with probability p in training: [B, …] → [B, …]."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) >= self.p
        return x * kept / (1 - self.p)
