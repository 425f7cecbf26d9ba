"""One vector from tokens: their mean asks, all of them answer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="AttentionPooling",
    title="Attention pooling",
    family="Conditioning",
    tags=("attention", "embedding"),
    kind="module",
    target="AttentionPooling",
    summary="A vector for a text: the mean of its tokens, with a learned offset, attends to them and to itself.",
    glyph="⊚",
    inputs=(Port("x", "tokens", "B N hidden_size"),),
    outputs=(Port("out", "pooled", "B hidden_size"),),
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
    parameters="3*hidden_size*(hidden_size + 1) + hidden_size",
    state={
        "position": "1 hidden_size",
        "q.weight": "hidden_size hidden_size",
        "q.bias": "hidden_size",
        "k.weight": "hidden_size hidden_size",
        "k.bias": "hidden_size",
        "v.weight": "hidden_size hidden_size",
        "v.bias": "hidden_size",
    },
    flops="2*hidden_size*(out_numel + 2*(x_numel + out_numel)) + 4*(x_numel + out_numel)",
    saved=("out", "3*B*(N + 1)*hidden_size + 2*out_numel + B*num_heads"),
    formula="y = softmax(QKᵀ/√d_h) V, Q from c = mean(x) + p, K and V from [c; x]",
    reference="Radford et al. 2021, arXiv:2103.00020; Saharia et al. 2022, arXiv:2205.11487",
    article="2.2.3",
    stability=Stability("", "an average of values, however long the text is"),
    examples=(Example({"x": (2, 5, 8)}, {"num_heads": 2}), Example({"x": (1, 3, 8)}, {"num_heads": 8})),
)


class AttentionPooling(nn.Module):
    """Pool tokens by the attention of their mean: [B, N, D] → [B, D] (Radford et al. 2021, section 2.4)."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.position = nn.Parameter(torch.randn(1, hidden_size) / hidden_size**0.5)
        self.q = nn.Linear(hidden_size, hidden_size)
        self.k = nn.Linear(hidden_size, hidden_size)
        self.v = nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        token = x.mean(dim=1, keepdim=True) + self.position  # [B, 1, D]
        x = torch.cat([token, x], dim=1)
        q, k, v = (
            values.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for values in (self.q(token), self.k(x), self.v(x))
        )
        return F.scaled_dot_product_attention(q, k, v).flatten(1)
