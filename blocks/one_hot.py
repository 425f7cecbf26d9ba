"""Class labels as indicator vectors."""

import torch
from torch import Tensor

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="OneHot",
    title="One-hot",
    family="Conditioning",
    tags=("embedding",),
    kind="function",
    target="one_hot",
    summary="A vector with a 1 at the label; label num_classes, meaning no class, gives zeros.",
    glyph="#",
    inputs=(Port("y", "class", "B", dtype="int64"),),
    outputs=(Port("out", "vector", "B num_classes"),),
    params=(Param("num_classes", "int", 1000, minimum=1, positional=True, omit=None, help="how many classes there are"),),
    work="out_numel/4",
    formula="e_k = [y = k]",
    reference="Karras et al. 2022, arXiv:2206.00364",
    article="2.2.5",
    stability=Stability("", "of norm 1; scaled by √classes, its second moment is 1", gain="1/(num_classes*q)", bounded=True),
    examples=(Example({"y": (4,)}, {"num_classes": 5}),),
)  # fmt: skip


def one_hot(y: Tensor, num_classes: int) -> Tensor:
    """Class labels [B] → indicator vectors [B, num_classes]; zeros for a label out of range."""
    return (y[:, None] == torch.arange(num_classes, device=y.device)).float()
