"""The gated activation of transformer feed-forward networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="GEGLU",
    title="GEGLU",
    family="Activation",
    tags=("gated_ffn",),
    kind="module",
    target="GEGLU",
    summary="Projects tokens twice and multiplies one projection by the GELU of the other.",
    glyph="ʃ",
    inputs=(Port("x", "any", "*S in_features"),),
    outputs=(Port("out", "same:x", "*S out_features"),),
    params=(
        Param("in_features", "int", inferred=True, minimum=1, positional=True, help="features of the input"),
        Param("out_features", "int", minimum=1, positional=True, help="features of the output"),
        Param("bias", "bool", True, help="add a learned constant per feature"),
    ),
    parameters="2*out_features*(in_features + (1 if bias else 0))",
    state={"proj.weight": "2*out_features in_features", "proj.bias": "2*out_features if bias"},
    flops="4*in_features*out_numel",
    saved=("x", "3*out_numel"),
    formula="y = (W₁x + b₁) ⊙ GELU(W₂x + b₂)",
    reference="Shazeer 2020, arXiv:2002.05202",
    article="2.3.2, 12.2",
    stability=Stability(
        "", "a product of two projections: grows with the square of the input, so normalise before it"
    ),
    examples=(
        Example({"x": (2, 5, 6)}, {"out_features": 8}),
        Example({"x": (2, 6)}, {"out_features": 4, "bias": False}),
    ),
)


class GEGLU(nn.Module):
    """Gated GELU: [*, in_features] → [*, out_features] (Shazeer 2020)."""

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True) -> None:
        super().__init__()
        self.proj = nn.Linear(in_features, 2 * out_features, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = torch.chunk(self.proj(x), 2, dim=-1)
        return value * F.gelu(gate)
