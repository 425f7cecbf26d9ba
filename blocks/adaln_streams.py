"""AdaLN-Zero for other numbers of branches: one (single-stream blocks) and three (dual attention)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="AdaLNZeroSingle",
        title="AdaLN-Zero modulation, one branch",
        family="Modulation",
        tags=("modulator", "gate"),
        gate=Gate(
            ports=("gate",),
            granularity="channel",
            sources=("time", "condition"),
            learned=True,
            initial="0",
        ),
        kind="module",
        target="AdaLNZeroSingle",
        summary="From the condition: shift, scale and gate of one branch, all zero at start.",
        glyph="◐",
        inputs=(Port("c", "vector", "B cond_size"),),
        outputs=(
            Port("shift", "vector", "B hidden_size"),
            Port("scale", "vector", "B hidden_size"),
            Port("gate", "vector", "B hidden_size"),
        ),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param("hidden_size", "int", minimum=1, positional=True, help="features of the modulated tokens"),
        ),
        parameters="3*hidden_size*(cond_size + 1)",
        state={"proj.weight": "3*hidden_size cond_size", "proj.bias": "3*hidden_size"},
        flops="6*cond_size*shift_numel",
        saved=("c", "c_numel"),
        views={"scale": "shift", "gate": "shift"},
        formula="shift, scale, gate = chunk₃(W·SiLU(c) + b), W = b = 0 at start",
        reference="Black Forest Labs 2024, FLUX.1; Peebles & Xie 2023, arXiv:2212.09748",
        article="10.3, 11.2",
        stability=Stability(
            "the residual stream at the start of training",
            "the gate is 0, so the block is the identity; the update grows only as it proves useful",
            gain="0",
            zero_init=True,
        ),
        examples=(Example({"c": (2, 6)}, {"hidden_size": 8}),),
    ),
    BlockSpec(
        name="AdaLNZeroDual",
        title="AdaLN-Zero modulation, dual attention",
        family="Modulation",
        tags=("modulator", "gate"),
        gate=Gate(
            ports=("gate_msa", "gate_mlp", "gate_dual"),
            granularity="channel",
            sources=("time", "condition"),
            learned=True,
            initial="0",
        ),
        kind="module",
        target="AdaLNZeroDual",
        summary="From the condition: shift, scale and gate of joint attention, MLP and a second self-attention.",
        glyph="◐",
        inputs=(Port("c", "vector", "B cond_size"),),
        outputs=(
            Port("shift_msa", "vector", "B hidden_size"),
            Port("scale_msa", "vector", "B hidden_size"),
            Port("gate_msa", "vector", "B hidden_size"),
            Port("shift_mlp", "vector", "B hidden_size"),
            Port("scale_mlp", "vector", "B hidden_size"),
            Port("gate_mlp", "vector", "B hidden_size"),
            Port("shift_dual", "vector", "B hidden_size"),
            Port("scale_dual", "vector", "B hidden_size"),
            Port("gate_dual", "vector", "B hidden_size"),
        ),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param("hidden_size", "int", minimum=1, positional=True, help="features of the modulated tokens"),
        ),
        parameters="9*hidden_size*(cond_size + 1)",
        state={"proj.weight": "9*hidden_size cond_size", "proj.bias": "9*hidden_size"},
        flops="18*cond_size*shift_msa_numel",
        saved=("c", "c_numel"),
        views={
            "scale_msa": "shift_msa",
            "gate_msa": "shift_msa",
            "shift_mlp": "shift_msa",
            "scale_mlp": "shift_msa",
            "gate_mlp": "shift_msa",
            "shift_dual": "shift_msa",
            "scale_dual": "shift_msa",
            "gate_dual": "shift_msa",
        },
        formula="shift, scale, gate (msa, mlp, dual) = chunk₉(W·SiLU(c) + b), W = b = 0 at start",
        reference="Stability AI 2024, Stable Diffusion 3.5 (MMDiT-X); Esser et al. 2024, arXiv:2403.03206",
        article="10.3, 11.2, 13",
        stability=Stability(
            "the residual stream at the start of training",
            "all three gates are 0, so each block is the identity at first",
            gain="0",
            zero_init=True,
        ),
        examples=(Example({"c": (2, 6)}, {"hidden_size": 8}),),
    ),
)


class AdaLNZeroSingle(nn.Module):
    """Shift, scale and gate of one branch: c [B, C] → 3 × [B, D], zero at start (FLUX.1, single stream)."""

    def __init__(self, cond_size: int, hidden_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(cond_size, 3 * hidden_size)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, c: Tensor) -> tuple[Tensor, ...]:
        return torch.chunk(self.proj(F.silu(c)), 3, dim=1)


class AdaLNZeroDual(nn.Module):
    """Nine modulation vectors of an MMDiT-X block: c [B, C] → 9 × [B, D], zero at start (SD 3.5)."""

    def __init__(self, cond_size: int, hidden_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(cond_size, 9 * hidden_size)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, c: Tensor) -> tuple[Tensor, ...]:
        return torch.chunk(self.proj(F.silu(c)), 9, dim=1)
