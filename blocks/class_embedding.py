"""Class labels as vectors, with the dropout that classifier-free guidance needs."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="ClassEmbedding",
    title="Class embedding",
    family="Conditioning",
    tags=("embedding", "stochastic"),
    kind="module",
    target="ClassEmbedding",
    summary="A learned vector per class and one for “no class”, dropped to it at random in training.",
    glyph="#",
    inputs=(Port("y", "class", "B", dtype="int64"),),
    outputs=(Port("out", "vector", "B hidden_size"),),
    params=(
        Param(
            "num_classes",
            "int",
            1000,
            minimum=1,
            positional=True,
            omit=None,
            help="classes; label num_classes means none",
        ),
        Param("hidden_size", "int", minimum=1, positional=True, help="size of the vector"),
        Param(
            "dropout",
            "float",
            0.1,
            minimum=0.0,
            maximum=1.0,
            omit=None,
            help="probability of dropping the label in training",
        ),
    ),
    parameters="(num_classes + 1)*hidden_size",
    state={"table.weight": "num_classes+1 hidden_size"},
    saved=("2*y_numel",),
    formula="e_y = E[y], y ← num_classes with probability p",
    reference="Ho & Salimans 2022, arXiv:2207.12598; Peebles & Xie 2023, arXiv:2212.09748",
    article="2.2.3, 2.4.2",
    stability=Stability(
        "", "small start: weights ~ N(0, 0.02²), so that the condition begins as a weak bias", gain="0.0004"
    ),
    examples=(Example({"y": (4,)}, {"num_classes": 10, "hidden_size": 8}),),
)


class ClassEmbedding(nn.Module):
    """Class labels → vectors: y [B] → [B, hidden_size]; label `num_classes` is the unconditional one."""

    def __init__(self, num_classes: int, hidden_size: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.dropout = dropout
        self.table = nn.Embedding(num_classes + 1, hidden_size)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, y: Tensor) -> Tensor:
        if self.training and self.dropout > 0:
            dropped = torch.rand(y.shape, device=y.device) < self.dropout
            y = torch.where(dropped, self.num_classes, y)
        c: Tensor = self.table(y)
        return c
