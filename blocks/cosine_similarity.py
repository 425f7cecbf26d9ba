"""Queries and keys whose products are cosines times a learned temperature."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="CosineSimilarity",
    title="Cosine similarity of queries and keys",
    family="Attention",
    kind="module",
    target="CosineSimilarity",
    summary="Makes queries and keys unit vectors and gives each head a temperature; goes before dot-product attention.",
    tags=("bounded_logits",),
    glyph="∠",
    inputs=(Port("q", "heads", "B num_heads N head_size"), Port("k", "heads", "B num_heads M head_size")),
    outputs=(Port("q", "heads", "B num_heads N head_size"), Port("k", "heads", "B num_heads M head_size")),
    params=(
        Param("num_heads", "int", inferred=True, minimum=1, positional=True, help="attention heads"),
        Param("eps", "float", 1e-6, minimum=0.0, help="added to the squared length"),
    ),
    parameters="num_heads",
    state={"temperature": "num_heads"},
    saved=("q", "k", "B*num_heads*(2*N + M) + num_heads"),
    formula="q ← √d τ q/|q|, k ← k/|k|: the logits become τ cos(q, k), τ = 10 at start",
    reference="Crowson et al. 2024, arXiv:2401.11605; Henry et al. 2020, arXiv:2010.04245",
    article="12.1, 13",
    stability=Stability(
        "the attention logits",
        "they lie in [−τ, τ] whatever the weights; τ is learned and not capped, but moves slowly",
        gains={"q": "100/q", "k": "1/(head_size*q)"},
        bounded=True,
    ),
    examples=(Example({"q": (2, 3, 5, 4), "k": (2, 3, 7, 4)}, {}),),
)


class CosineSimilarity(nn.Module):
    """Unit queries and keys with a temperature: q [B, heads, N, d], k [B, heads, M, d] (Henry et al. 2020)."""

    def __init__(self, num_heads: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.temperature = nn.Parameter(torch.full((num_heads,), 10.0))

    def forward(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        length_q = torch.rsqrt(q.square().sum(dim=-1, keepdim=True) + self.eps)
        length_k = torch.rsqrt(k.square().sum(dim=-1, keepdim=True) + self.eps)
        # √d undoes the 1/√d of the attention that follows
        scale = self.temperature[:, None, None] * q.shape[-1] ** 0.5
        return q * (scale * length_q), k * length_k
