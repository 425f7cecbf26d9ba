"""Self-attention over the pixels of a map."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="SpatialSelfAttention",
    title="Self-attention over pixels",
    family="Attention",
    tags=("attention",),
    kind="module",
    target="SpatialSelfAttention",
    summary="Every pixel attends to every other; for low resolutions, where tokens are few.",
    glyph="✳",
    inputs=(Port("x", "map", "B channels H W"),),
    outputs=(Port("out", "map", "B channels H W"),),
    params=(
        Param("channels", "int", inferred=True, minimum=1, positional=True, help="channels of the map"),
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
    parameters="4*channels*(channels + 1)",
    state={
        "q.weight": "channels channels",
        "q.bias": "channels",
        "k.weight": "channels channels",
        "k.bias": "channels",
        "v.weight": "channels channels",
        "v.bias": "channels",
        "proj.weight": "channels channels",
        "proj.bias": "channels",
    },
    flops="8*channels*x_numel + 4*x_numel*H*W",
    saved=("7*x_numel + B*num_heads*H*W",),
    work="4*x_numel",
    formula="softmax(QKᵀ/√d_h) V, with Q, K, V = 1×1 projections",
    reference="Ho et al. 2020, arXiv:2006.11239",
    article="2.2.2, 9, 12.1",
    stability=Stability(
        "long-range consistency at low resolution",
        "1/√d_h keeps the logits at unit scale; above 32×32 pixels cost and gradient variance grow",
        gain="1/9",
    ),
    examples=(
        Example({"x": (2, 8, 4, 4)}, {}),
        Example({"x": (2, 8, 3, 5)}, {"num_heads": 2}),
    ),
)


class SpatialSelfAttention(nn.Module):
    """Multi-head self-attention over pixels: [B, C, H, W] → [B, C, H, W] (Ho et al. 2020)."""

    def __init__(self, channels: int, num_heads: int = 1) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)  # [B, HW, C]
        q, k, v = (
            layer(tokens).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # [B, heads, HW, C / heads]
            for layer in (self.q, self.k, self.v)
        )
        tokens = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return torch.transpose(self.proj(tokens), 1, 2).reshape(batch, channels, height, width)
