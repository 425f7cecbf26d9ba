"""A feed-forward network of several experts, of which each token uses a few."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="MixtureOfExperts",
    title="Mixture of experts",
    family="Feed-forward",
    tags=("ffn",),
    kind="module",
    target="MixtureOfExperts",
    summary="A router picks the best few of several MLPs for each token and sums them by its weights.",
    glyph="⋈",
    inputs=(Port("x", "tokens", "B N hidden_size"),),
    outputs=(Port("out", "tokens", "B N hidden_size"),),
    params=(
        Param("hidden_size", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
        Param("mlp_hidden", "int", minimum=1, positional=True, help="hidden features of each expert"),
        Param("num_experts", "int", 8, minimum=2, positional=True, omit=None, help="experts"),
        Param("top_k", "int", 2, minimum=1, positional=True, omit=None, help="experts that a token uses"),
    ),
    constraints=(
        Constraint(
            "top_k <= num_experts", "a token cannot use {top_k} of {num_experts} experts; lower top_k"
        ),
    ),
    parameters="num_experts*hidden_size + num_experts*(2*hidden_size*mlp_hidden + mlp_hidden + hidden_size)",
    state={
        "weight1": "num_experts hidden_size mlp_hidden",
        "bias1": "num_experts 1 mlp_hidden",
        "weight2": "num_experts mlp_hidden hidden_size",
        "bias2": "num_experts 1 hidden_size",
        "router.weight": "num_experts hidden_size",
    },
    flops="2*num_experts*x_numel + 4*num_experts*mlp_hidden*x_numel",
    saved=(
        "x",
        "B*N*(2*top_k + 5*num_experts/4 + 2*num_experts*mlp_hidden + num_experts*hidden_size)",
        "num_experts*hidden_size*mlp_hidden",
    ),
    formula="y = Σ_e g_e·W₂ᵉ GELU(W₁ᵉ x), g = softmax of the top-k router logits",
    reference="Shazeer et al. 2017, arXiv:1701.06538; Fei et al. 2024, arXiv:2407.11633 (DiT-MoE)",
    article="12.2",
    stability=Stability(
        "",
        "weights sum to 1 over the chosen experts; without a balance loss some experts may never be chosen; "
        "every expert is computed for every token, so that it exports with static shapes",
    ),
    examples=(
        Example({"x": (2, 5, 6)}, {"mlp_hidden": 8, "num_experts": 4}),
        Example({"x": (1, 3, 4)}, {"mlp_hidden": 6, "num_experts": 3, "top_k": 3}),
    ),
)


class MixtureOfExperts(nn.Module):
    """Top-k experts for each token: [B, N, D] → [B, N, D] (Shazeer et al. 2017)."""

    def __init__(self, hidden_size: int, mlp_hidden: int, num_experts: int, top_k: int) -> None:
        super().__init__()
        self.top_k = top_k
        self.router = nn.Linear(hidden_size, num_experts, bias=False)
        self.weight1 = nn.Parameter(torch.empty(num_experts, hidden_size, mlp_hidden))
        self.bias1 = nn.Parameter(torch.zeros(num_experts, 1, mlp_hidden))
        self.weight2 = nn.Parameter(torch.empty(num_experts, mlp_hidden, hidden_size))
        self.bias2 = nn.Parameter(torch.zeros(num_experts, 1, hidden_size))
        for weight in (*self.weight1, *self.weight2):
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.router(x)  # [B, N, E]
        worst = logits.topk(self.top_k, dim=-1).values[..., -1:]
        gates = logits.masked_fill(logits < worst, float("-inf")).softmax(dim=-1)
        tokens = x.flatten(0, 1)  # [B · N, D]
        hidden = F.gelu(tokens @ self.weight1 + self.bias1, approximate="tanh")  # [E, B · N, H]
        expert = hidden @ self.weight2 + self.bias2  # [E, B · N, D]
        weights = gates.flatten(0, 1).t().unsqueeze(-1)  # [E, B · N, 1]
        return torch.unflatten((weights * expert).sum(dim=0), 0, x.shape[:2])
