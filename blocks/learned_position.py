"""Learned positions: a vector for each place in a sequence."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="LearnedPosition",
    title="Learned positions",
    family="Tokens",
    tags=("position",),
    kind="module",
    target="LearnedPosition",
    summary="Adds a learned vector for each place in a sequence of fixed length.",
    glyph="⌗",
    inputs=(Port("x", "tokens", "B N hidden_size"),),
    outputs=(Port("out", "tokens", "B N hidden_size"),),
    params=(
        Param("hidden_size", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
        Param("length", "int", minimum=1, positional=True, help="tokens of the sequence"),
    ),
    constraints=(Constraint("N == length", "{N} tokens do not fit the table of {length} learned positions"),),
    parameters="length*hidden_size",
    state={"table": "length hidden_size"},
    formula="h_n ← h_n + E_n",
    reference="Dosovitskiy et al. 2021, arXiv:2010.11929; Bao et al. 2023, arXiv:2209.12152",
    article="2.4.2",
    stability=Stability(
        "", "small start, N(0, 0.02²); fixed to the length it was trained on", gain="1 + 0.0004/q"
    ),
    examples=(Example({"x": (2, 5, 8)}, {"length": 5}),),
)


class LearnedPosition(nn.Module):
    """Add a learned vector for each place: [B, N, D] → [B, N, D] (Dosovitskiy et al. 2021)."""

    def __init__(self, hidden_size: int, length: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(length, hidden_size))
        nn.init.normal_(self.table, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table
