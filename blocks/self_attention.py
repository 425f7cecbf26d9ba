"""Self-attention over tokens."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="SelfAttention",
    title="Self-attention",
    family="Attention",
    tags=("attention",),
    kind="module",
    target="SelfAttention",
    summary="Every token attends to every other.",
    glyph="✳",
    inputs=(Port("x", "tokens", "B N hidden_size"),),
    outputs=(Port("out", "tokens", "B N hidden_size"),),
    params=(
        Param("hidden_size", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
        Param(
            "num_heads",
            "int",
            8,
            minimum=1,
            positional=True,
            omit=None,
            help="heads; must divide hidden_size",
        ),
    ),
    constraints=(
        Constraint(
            "hidden_size % num_heads == 0",
            "hidden_size {hidden_size} cannot be split into {num_heads} heads; choose num_heads that divides it",
        ),
    ),
    parameters="4*hidden_size*(hidden_size + 1)",
    state={
        "qkv.weight": "3*hidden_size hidden_size",
        "qkv.bias": "3*hidden_size",
        "proj.weight": "hidden_size hidden_size",
        "proj.bias": "hidden_size",
    },
    flops="8*hidden_size*x_numel + 4*x_numel*N",
    saved=("x", "4*x_numel + B*N*num_heads"),
    formula="softmax(QKᵀ/√d_h) V",
    reference="Vaswani et al. 2017, arXiv:1706.03762; Peebles & Xie 2023, arXiv:2212.09748",
    article="2.4.2, 12.1",
    stability=Stability(
        "",
        "1/√d_h keeps the logits at unit scale; logits still grow with the learning rate (see QK-norm)",
        gain="1/2",
    ),
    examples=(
        Example({"x": (2, 5, 8)}, {"num_heads": 2}),
        Example({"x": (1, 7, 8)}, {"num_heads": 4}),
    ),
)


class SelfAttention(nn.Module):
    """Multi-head self-attention over tokens: [B, N, D] → [B, N, D] (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size)
        self.proj = nn.Linear(hidden_size, hidden_size)
        for layer in (self.qkv, self.proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        qkv = torch.unflatten(self.qkv(x), -1, (3, self.num_heads, -1))  # [B, N, 3, heads, D / heads]
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(q, k, v)
        x = self.proj(x.transpose(1, 2).flatten(2))
        return x
