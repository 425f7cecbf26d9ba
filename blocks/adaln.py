"""Adaptive layer normalisation: the condition sets shift, scale and gate of each branch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="AdaLNZero",
        title="AdaLN-Zero modulation",
        family="Modulation",
        tags=("modulator", "gate"),
        gate=Gate(
            ports=("gate_msa", "gate_mlp"),
            granularity="channel",
            sources=("time", "condition"),
            learned=True,
            initial="0",
        ),
        kind="module",
        target="AdaLNZero",
        summary="From the condition: shift, scale and gate for the attention and the MLP branch, all zero at start.",
        glyph="◐",
        inputs=(Port("c", "vector", "B cond_size"),),
        outputs=(
            Port("shift_msa", "vector", "B hidden_size"),
            Port("scale_msa", "vector", "B hidden_size"),
            Port("gate_msa", "vector", "B hidden_size"),
            Port("shift_mlp", "vector", "B hidden_size"),
            Port("scale_mlp", "vector", "B hidden_size"),
            Port("gate_mlp", "vector", "B hidden_size"),
        ),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param("hidden_size", "int", minimum=1, positional=True, help="features of the modulated tokens"),
        ),
        parameters="6*hidden_size*(cond_size + 1)",
        state={"proj.weight": "6*hidden_size cond_size", "proj.bias": "6*hidden_size"},
        flops="12*cond_size*shift_msa_numel",
        saved=("c", "c_numel"),
        views={
            "scale_msa": "shift_msa",
            "gate_msa": "shift_msa",
            "shift_mlp": "shift_msa",
            "scale_mlp": "shift_msa",
            "gate_mlp": "shift_msa",
        },
        formula="shift, scale, gate (msa, mlp) = chunk₆(W·SiLU(c) + b), W = b = 0 at start",
        reference="Peebles & Xie 2023, arXiv:2212.09748",
        article="10.3, 11.2",
        stability=Stability(
            "the residual stream at the start of training",
            "gates are 0, so each block is the identity; updates grow only as they prove useful",
            gain="0",
            zero_init=True,
        ),
        examples=(Example({"c": (2, 6)}, {"hidden_size": 8}),),
    ),
    BlockSpec(
        name="AdaLN",
        title="AdaLN modulation",
        family="Modulation",
        tags=("modulator",),
        kind="module",
        target="AdaLN",
        summary="From the condition: shift and scale for the attention and the MLP branch, without gates.",
        glyph="◐",
        inputs=(Port("c", "vector", "B cond_size"),),
        outputs=(
            Port("shift_msa", "vector", "B hidden_size"),
            Port("scale_msa", "vector", "B hidden_size"),
            Port("shift_mlp", "vector", "B hidden_size"),
            Port("scale_mlp", "vector", "B hidden_size"),
        ),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param("hidden_size", "int", minimum=1, positional=True, help="features of the modulated tokens"),
        ),
        parameters="4*hidden_size*(cond_size + 1)",
        state={"proj.weight": "4*hidden_size cond_size", "proj.bias": "4*hidden_size"},
        flops="8*cond_size*shift_msa_numel",
        saved=("c", "c_numel"),
        views={"scale_msa": "shift_msa", "shift_mlp": "shift_msa", "scale_mlp": "shift_msa"},
        formula="shift, scale (msa, mlp) = chunk₄(W·SiLU(c) + b)",
        reference="Peebles & Xie 2023, arXiv:2212.09748, section 3.2",
        article="11.1, 11.2",
        stability=Stability(
            "",
            "modulates what goes into a branch, not how much of it is added: updates are full from the start",
            gain="cond_size/(2*(cond_size + 4*hidden_size))",
        ),
        examples=(Example({"c": (2, 6)}, {"hidden_size": 8}),),
    ),
    BlockSpec(
        name="AdaLNModulation",
        title="AdaLN shift and scale",
        family="Modulation",
        tags=("modulator",),
        kind="module",
        target="AdaLNModulation",
        summary="From the condition: one shift and one scale, zero at start (the final layer of DiT).",
        glyph="◐",
        inputs=(Port("c", "vector", "B cond_size"),),
        outputs=(Port("shift", "vector", "B hidden_size"), Port("scale", "vector", "B hidden_size")),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param("hidden_size", "int", minimum=1, positional=True, help="features of the modulated tokens"),
        ),
        parameters="2*hidden_size*(cond_size + 1)",
        state={"proj.weight": "2*hidden_size cond_size", "proj.bias": "2*hidden_size"},
        flops="4*cond_size*shift_numel",
        saved=("c", "c_numel"),
        views={"scale": "shift"},
        formula="shift, scale = chunk₂(W·SiLU(c) + b), W = b = 0 at start",
        reference="Peebles & Xie 2023, arXiv:2212.09748",
        article="11.1",
        stability=Stability("", "starts as plain layer normalisation", gain="0", zero_init=True),
        examples=(Example({"c": (2, 6)}, {"hidden_size": 8}),),
    ),
    BlockSpec(
        name="Modulate",
        title="Modulate",
        family="Modulation",
        tags=("modulation", "scale_shift"),
        kind="function",
        target="modulate",
        summary="Scales and shifts normalised tokens: (1 + scale) ⊙ x + shift.",
        glyph="◑",
        inputs=(
            Port("x", "tokens", "B N hidden_size"),
            Port("shift", "vector", "B hidden_size"),
            Port("scale", "vector", "B hidden_size"),
        ),
        outputs=(Port("out", "tokens", "B N hidden_size"),),
        saved=("x if scale", "scale_numel"),
        work="x_numel",
        formula="y = (1 + γ) ⊙ x + β",
        reference="Perez et al. 2018, arXiv:1709.07871",
        article="11.1",
        stability=Stability("", "with 1 + γ the input survives γ = 0; modulates normalised features only"),
        examples=(Example({"x": (2, 5, 8), "shift": (2, 8), "scale": (2, 8)}, {}),),
    ),
    BlockSpec(
        name="GateTokens",
        title="Gate tokens",
        family="Modulation",
        tags=("gating",),
        kind="expression",
        target="{gate}.unsqueeze(1) * {x}",
        summary="Multiplies each feature of the tokens by a gate per sample.",
        glyph="⊙",
        inputs=(Port("x", "tokens", "B N hidden_size"), Port("gate", "vector", "B hidden_size")),
        outputs=(Port("out", "tokens", "B N hidden_size"),),
        saved=("x if gate", "gate if x"),
        formula="y = g ⊙ x",
        reference="Peebles & Xie 2023, arXiv:2212.09748",
        article="10.4",
        stability=Stability(
            "the size of a residual update", "a learned amplitude per channel; starts at 0 under AdaLN-Zero"
        ),
        examples=(Example({"x": (2, 5, 8), "gate": (2, 8)}, {}),),
    ),
)


class AdaLNZero(nn.Module):
    """Six modulation vectors of a DiT block: c [B, C] → 6 × [B, D], zero at start (Peebles & Xie 2023)."""

    def __init__(self, cond_size: int, hidden_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(cond_size, 6 * hidden_size)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, c: Tensor) -> tuple[Tensor, ...]:
        return torch.chunk(self.proj(F.silu(c)), 6, dim=1)


class AdaLN(nn.Module):
    """Four modulation vectors of a block without gates: c [B, C] → 4 × [B, D] (Peebles & Xie 2023)."""

    def __init__(self, cond_size: int, hidden_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(cond_size, 4 * hidden_size)
        nn.init.xavier_uniform_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, c: Tensor) -> tuple[Tensor, ...]:
        return torch.chunk(self.proj(F.silu(c)), 4, dim=1)


class AdaLNModulation(nn.Module):
    """Shift and scale of the final layer: c [B, C] → 2 × [B, D], zero at start (Peebles & Xie 2023)."""

    def __init__(self, cond_size: int, hidden_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(cond_size, 2 * hidden_size)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, c: Tensor) -> tuple[Tensor, ...]:
        return torch.chunk(self.proj(F.silu(c)), 2, dim=1)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """(1 + scale) ⊙ x + shift for tokens x [B, N, D] and vectors [B, D]."""
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)
