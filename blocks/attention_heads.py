"""The parts of multi-head attention: projection into heads, softmax attention over them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="ProjectQKV",
        title="Queries, keys, values",
        family="Attention",
        kind="module",
        target="ProjectQKV",
        summary="One projection of tokens to the queries, keys and values of every head.",
        tags=("linear",),
        glyph="⋔",
        inputs=(Port("x", "tokens", "B N hidden_size"),),
        outputs=(
            Port("q", "heads", "B num_heads N hidden_size//num_heads"),
            Port("k", "heads", "B num_heads N hidden_size//num_heads"),
            Port("v", "heads", "B num_heads N hidden_size//num_heads"),
        ),
        params=(
            Param(
                "hidden_size", "int", inferred=True, minimum=1, positional=True, help="features of a token"
            ),
            Param(
                "num_heads",
                "int",
                8,
                minimum=1,
                positional=True,
                omit=None,
                help="heads; must divide hidden_size",
            ),
            Param("bias", "bool", True, help="add a learned constant per feature"),
        ),
        constraints=(
            Constraint(
                "hidden_size % num_heads == 0",
                "hidden_size {hidden_size} cannot be split into {num_heads} heads; choose num_heads that divides it",
            ),
        ),
        parameters="3*hidden_size*(hidden_size + (1 if bias else 0))",
        state={"qkv.weight": "3*hidden_size hidden_size", "qkv.bias": "3*hidden_size if bias"},
        flops="6*hidden_size*x_numel",
        saved=("x",),
        views={"k": "q", "v": "q"},
        formula="[q; k; v] = W x + b, split into heads of hidden_size/num_heads",
        reference="Vaswani et al. 2017, arXiv:1706.03762",
        article="12.1, 13",
        stability=Stability(
            "",
            "q and k leave unnormalised: put a norm behind each (QK-norm) to bound the logits",
            gain="1/2",
        ),
        examples=(
            Example({"x": (2, 5, 8)}, {"num_heads": 2}),
            Example({"x": (1, 3, 8)}, {"num_heads": 4, "bias": False}),
        ),
    ),
    BlockSpec(
        name="DotProductAttention",
        title="Dot-product attention",
        family="Attention",
        kind="function",
        target="dot_product_attention",
        summary="Softmax attention over heads that are already projected; joins the heads.",
        tags=("attention",),
        glyph="✳",
        inputs=(
            Port("q", "heads", "B heads N head_size"),
            Port("k", "heads", "B heads M head_size"),
            Port("v", "heads", "B heads M value_size"),
        ),
        outputs=(Port("out", "tokens", "B N heads*value_size"),),
        flops="2*q_numel*M + 2*M*out_numel",
        saved=("q", "k", "v", "out", "B*heads*N"),
        formula="softmax(QKᵀ/√d_h) V, heads joined",
        reference="Vaswani et al. 2017, arXiv:1706.03762",
        article="12.1, 13",
        stability=Stability(
            "",
            "1/√d_h keeps the logits at unit scale for unit q and k; the output is an average of values",
        ),
        examples=(
            Example({"q": (2, 3, 5, 4), "k": (2, 3, 5, 4), "v": (2, 3, 5, 4)}, {}),
            Example({"q": (1, 2, 5, 4), "k": (1, 2, 7, 4), "v": (1, 2, 7, 4)}, {}),
        ),
    ),
)


class ProjectQKV(nn.Module):
    """Tokens to queries, keys and values: [B, N, D] → 3 × [B, heads, N, D / heads] (Vaswani et al. 2017)."""

    def __init__(self, hidden_size: int, num_heads: int, *, bias: bool = True) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=bias)
        nn.init.xavier_uniform_(self.qkv.weight)
        if bias:
            nn.init.zeros_(self.qkv.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        qkv = torch.unflatten(self.qkv(x), -1, (3, self.num_heads, -1))  # [B, N, 3, heads, D / heads]
        return qkv.permute(2, 0, 3, 1, 4).unbind(0)


def dot_product_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q [B, heads, N, d], k and v [B, heads, M, d] → [B, N, heads · d] (Vaswani et al. 2017)."""
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
