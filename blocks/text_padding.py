"""Learned tokens in the place of a text's padding."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="TextPadding",
    title="Learned padding",
    family="Conditioning",
    tags=("embedding",),
    kind="module",
    target="TextPadding",
    summary="Puts a learned token where the mask of a text is 0, so that attention needs no mask.",
    glyph="▥",
    inputs=(
        Port("x", "context", "B N context_size"),
        Port("mask", "mask", "B N", help="0 where a token is padding"),
    ),
    outputs=(Port("out", "context", "B N context_size"),),
    params=(
        Param(
            "context_size", "int", inferred=True, minimum=1, positional=True, help="features of a text token"
        ),
        Param("length", "int", minimum=1, positional=True, help="tokens of the text, padding included"),
    ),
    constraints=(Constraint("N == length", "{N} tokens do not fit the {length} learned ones"),),
    parameters="length*context_size",
    state={"table": "length context_size"},
    saved=("mask_numel/4",),
    formula="y_n = x_n where mask_n ≠ 0, else E_n",
    reference="Li et al. 2024, arXiv:2405.08748",
    article="2.3.2",
    stability=Stability("", "every sample attends to as many tokens, whatever the length of its text"),
    examples=(Example({"x": (2, 5, 4), "mask": (2, 5)}, {"length": 5}),),
)


class TextPadding(nn.Module):
    """Replace the padding of a text [B, N, C] by learned tokens where mask [B, N] is 0 (Li et al. 2024)."""

    def __init__(self, context_size: int, length: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, context_size))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return torch.where(mask.bool()[..., None], x, self.table)
