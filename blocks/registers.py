"""Register tokens: learned tokens that belong to no place of the image."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="Registers",
    title="Registers",
    family="Tokens",
    tags=("embedding",),
    kind="module",
    target="Registers",
    summary="Puts learned tokens in front of the others; attention keeps there what belongs to no patch.",
    glyph="▮",
    inputs=(Port("x", "tokens", "B N hidden_size"),),
    outputs=(Port("out", "tokens", "B N+count hidden_size"),),
    params=(
        Param("hidden_size", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
        Param(
            "count",
            "int",
            4,
            minimum=1,
            positional=True,
            omit=None,
            help="registers; drop as many behind the blocks",
        ),
    ),
    parameters="count*hidden_size",
    state={"table": "count hidden_size"},
    formula="y = [r_1 … r_R; x]",
    reference="Darcet et al. 2023, arXiv:2309.16588",
    article="2.4.2",
    stability=Stability(
        "tokens of the background",
        "few tokens of large norm take over global information, so that attention maps stay smooth",
    ),
    examples=(Example({"x": (2, 5, 8)}, {"count": 3}),),
)


class Registers(nn.Module):
    """Put learned tokens in front: [B, N, D] → [B, R + N, D] (Darcet et al. 2023)."""

    def __init__(self, hidden_size: int, count: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(count, hidden_size))
        nn.init.normal_(self.table, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.table.expand(len(x), -1, -1), x], dim=1)
