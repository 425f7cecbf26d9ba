"""Self-attention over the frames of a video, each place for itself."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="TemporalAttention",
    title="Temporal attention",
    family="Video",
    tags=("attention",),
    kind="module",
    target="TemporalAttention",
    summary="Every token attends to the tokens at the same place in the other frames.",
    glyph="✳",
    inputs=(Port("x", "tokens", "B T N hidden_size"),),
    outputs=(Port("out", "tokens", "B T N hidden_size"),),
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
        Param(
            "init",
            "str",
            "default",
            choices=("default", "zero"),
            structural=True,
            help="output weights at start",
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
    flops="8*hidden_size*x_numel + 4*x_numel*T",
    saved=("x", "5*x_numel + x_numel*num_heads/hidden_size"),
    formula="softmax(QKᵀ/√d_h) V over the frames of each place",
    reference="Blattmann et al. 2023, arXiv:2304.08818, section 3.1.1; Ma et al. 2024, arXiv:2401.03048",
    article="2.5.1, 12.1",
    stability=Stability(
        "consistency over the frames",
        "1/√d_h keeps the logits at unit scale; with init=zero it leaves a trained image network as it is",
        gain="1/2",
    ),
    initialize={"zero": "for parameter in {self}.proj.parameters():\n    nn.init.zeros_(parameter)"},
    examples=(
        Example({"x": (2, 3, 5, 8)}, {"num_heads": 2}),
        Example({"x": (1, 4, 2, 8)}, {"num_heads": 4, "init": "zero"}),
    ),
)


class TemporalAttention(nn.Module):
    """Self-attention over frames: [B, T, N, D] → [B, T, N, D] (Blattmann et al. 2023)."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size)
        self.proj = nn.Linear(hidden_size, hidden_size)
        for layer in (self.qkv, self.proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, places, _ = x.shape
        qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))  # [B, T, N, 3, heads, D / heads]
        q, k, v = qkv.permute(3, 0, 2, 4, 1, 5).flatten(1, 2).unbind(0)  # [B · N, heads, T, D / heads]
        x = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)  # [B · N, T, D]
        return torch.unflatten(self.proj(x), 0, (batch, places)).transpose(1, 2)
