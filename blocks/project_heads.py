"""Projection of tokens into attention heads, for queries, keys and values that come from different streams."""

from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="ProjectHeads",
    title="Project into heads",
    family="Attention",
    tags=("linear",),
    kind="module",
    target="ProjectHeads",
    summary="One projection of tokens, split into heads: the queries, keys or values of cross-attention.",
    glyph="⋔",
    inputs=(Port("x", "tokens", "B N in_features"),),
    outputs=(Port("out", "heads", "B num_heads N hidden_size//num_heads"),),
    params=(
        Param(
            "in_features", "int", inferred=True, minimum=1, positional=True, help="features of the tokens"
        ),
        Param("hidden_size", "int", minimum=1, positional=True, help="features of all heads together"),
        Param("num_heads", "int", 8, minimum=1, positional=True, omit=None, help="heads; must divide hidden_size"),
        Param("bias", "bool", True, help="add a learned constant per feature"),
    ),
    constraints=(
        Constraint(
            "hidden_size % num_heads == 0",
            "hidden_size {hidden_size} cannot be split into {num_heads} heads; choose num_heads that divides it",
        ),
    ),
    parameters="hidden_size*(in_features + (1 if bias else 0))",
    flops="2*in_features*out_numel",
    formula="h = W x + b, split into heads of hidden_size/num_heads",
    reference="Vaswani et al. 2017, arXiv:1706.03762; Rombach et al. 2022, arXiv:2112.10752",
    article="2.3.2, 12.1",
    stability=Stability("", "left unnormalised: put a norm behind queries and keys (QK-norm) to bound the logits"),
    examples=(
        Example({"x": (2, 5, 6)}, {"hidden_size": 8, "num_heads": 2}),
        Example({"x": (1, 7, 8)}, {"hidden_size": 8, "num_heads": 4, "bias": False}),
    ),
)


class ProjectHeads(nn.Module):
    """Tokens into heads: [B, N, in_features] → [B, heads, N, hidden_size / heads] (Vaswani et al. 2017)."""

    def __init__(self, in_features: int, hidden_size: int, num_heads: int, *, bias: bool = True) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.proj = nn.Linear(in_features, hidden_size, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
