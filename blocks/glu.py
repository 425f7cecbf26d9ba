"""Gated linear units: two projections of each token, one a gate on the other. GEGLU has a file of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="GLU",
        title="GLU",
        family="Activation",
        tags=("gated_ffn",),
        kind="module",
        target="GLU",
        summary="Projects tokens twice and multiplies one projection by the sigmoid of the other.",
        glyph="ʃ",
        inputs=(Port("x", "tokens", "*S in_features"),),
        outputs=(Port("out", "tokens", "*S out_features"),),
        params=(
            Param(
                "in_features", "int", inferred=True, minimum=1, positional=True, help="features of the input"
            ),
            Param("out_features", "int", minimum=1, positional=True, help="features of the output"),
        ),
        parameters="2*out_features*(in_features + 1)",
        state={"proj.weight": "2*out_features in_features", "proj.bias": "2*out_features"},
        flops="4*in_features*out_numel",
        saved=("x", "3*out_numel"),
        formula="y = (W₁x + b₁) ⊙ σ(W₂x + b₂)",
        reference="Dauphin et al. 2017, arXiv:1612.08083; Shazeer 2020, arXiv:2002.05202",
        article="12.2",
        stability=Stability("", "a gate in [0, 1] on a linear map: the output never exceeds the ungated one"),
        examples=(Example({"x": (2, 5, 6)}, {"out_features": 8}),),
    ),
    BlockSpec(
        name="SwiGLU",
        title="SwiGLU",
        family="Activation",
        tags=("gated_ffn",),
        kind="module",
        target="SwiGLU",
        summary="Projects tokens twice and multiplies one projection by the SiLU of the other.",
        glyph="ʃ",
        inputs=(Port("x", "tokens", "*S in_features"),),
        outputs=(Port("out", "tokens", "*S out_features"),),
        params=(
            Param(
                "in_features", "int", inferred=True, minimum=1, positional=True, help="features of the input"
            ),
            Param(
                "out_features",
                "int",
                minimum=1,
                positional=True,
                help="features of the output; 8/3 of the input costs as much as a plain MLP of ratio 4",
            ),
            Param("bias", "bool", True, help="add a learned constant per feature"),
        ),
        parameters="2*out_features*(in_features + (1 if bias else 0))",
        state={"proj.weight": "2*out_features in_features", "proj.bias": "2*out_features if bias"},
        flops="4*in_features*out_numel",
        saved=("x", "3*out_numel"),
        formula="y = (W₁x + b₁) ⊙ SiLU(W₂x + b₂)",
        reference="Shazeer 2020, arXiv:2002.05202",
        article="12.2",
        stability=Stability(
            "",
            "smooth gate; a product of two projections, so normalise before it "
            "(measured: no difference in stability from a plain MLP at smoke scale)",
        ),
        examples=(
            Example({"x": (2, 5, 6)}, {"out_features": 8}),
            Example({"x": (3, 6)}, {"out_features": 4, "bias": False}),
        ),
    ),
)


class GLU(nn.Module):
    """Gated linear unit: [*, in_features] → [*, out_features] (Dauphin et al. 2017)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_features, 2 * out_features)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = torch.chunk(self.proj(x), 2, dim=-1)
        return value * torch.sigmoid(gate)


class SwiGLU(nn.Module):
    """Gated SiLU: [*, in_features] → [*, out_features] (Shazeer 2020)."""

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True) -> None:
        super().__init__()
        self.proj = nn.Linear(in_features, 2 * out_features, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = torch.chunk(self.proj(x), 2, dim=-1)
        return value * F.silu(gate)
