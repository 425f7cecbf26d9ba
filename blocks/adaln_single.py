"""AdaLN-single: one modulation for the whole network, and a small table for each block."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="AdaLNSingle",
        title="AdaLN-single modulation",
        family="Modulation",
        tags=("modulator", "gate"),
        gate=Gate(
            ports=("gate_msa", "gate_mlp"),
            granularity="channel",
            sources=("time", "condition"),
            learned=True,
        ),
        kind="module",
        target="AdaLNSingle",
        summary="Adds a learned table of the block to the modulation shared by all blocks: shift, scale, gate, twice.",
        glyph="◐",
        inputs=(Port("modulation", "vector", "B 6*hidden_size"),),
        outputs=(
            Port("shift_msa", "vector", "B hidden_size"),
            Port("scale_msa", "vector", "B hidden_size"),
            Port("gate_msa", "vector", "B hidden_size"),
            Port("shift_mlp", "vector", "B hidden_size"),
            Port("scale_mlp", "vector", "B hidden_size"),
            Port("gate_mlp", "vector", "B hidden_size"),
        ),
        params=(
            Param("hidden_size", "int", minimum=1, positional=True, help="features of the modulated tokens"),
        ),
        parameters="6*hidden_size",
        state={"table": "6 hidden_size"},
        views={
            "scale_msa": "shift_msa",
            "gate_msa": "shift_msa",
            "shift_mlp": "shift_msa",
            "scale_mlp": "shift_msa",
            "gate_mlp": "shift_msa",
        },
        formula="shift, scale, gate (msa, mlp) = S̄ + E_i, E_i ∈ R^{6×D} of block i",
        reference="Chen et al. 2023, arXiv:2310.00426, section 2.3",
        article="2.4.2, 11.2",
        stability=Stability(
            "the cost of conditioning",
            "one projection of the timestep for all blocks; each block only shifts it, so blocks stay alike",
            gain="1 + 1/(hidden_size*q)",
        ),
        examples=(Example({"modulation": (2, 48)}, {"hidden_size": 8}),),
    ),
    BlockSpec(
        name="AdaLNSingleFinal",
        title="AdaLN-single shift and scale",
        family="Modulation",
        tags=("modulator",),
        kind="module",
        target="AdaLNSingleFinal",
        summary="Adds a learned shift and a learned scale to the embedded timestep (the final layer of PixArt).",
        glyph="◐",
        inputs=(Port("c", "vector", "B hidden_size"),),
        outputs=(Port("shift", "vector", "B hidden_size"), Port("scale", "vector", "B hidden_size")),
        params=(
            Param(
                "hidden_size",
                "int",
                inferred=True,
                minimum=1,
                positional=True,
                help="features of the modulated tokens",
            ),
        ),
        parameters="2*hidden_size",
        state={"table": "2 hidden_size"},
        views={"scale": "shift"},
        formula="shift, scale = c + E, E ∈ R^{2×D}",
        reference="Chen et al. 2023, arXiv:2310.00426, section 2.3",
        article="2.4.2, 11.2",
        stability=Stability(
            "",
            "shift and scale are the timestep embedding itself, offset by a table",
            gain="1 + 1/(hidden_size*q)",
        ),
        examples=(Example({"c": (2, 8)}, {}),),
    ),
)


class AdaLNSingle(nn.Module):
    """Six modulation vectors of a block: shared modulation [B, 6D] → 6 × [B, D] (Chen et al. 2023)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(6, hidden_size) / hidden_size**0.5)

    def forward(self, modulation: Tensor) -> tuple[Tensor, ...]:
        return (self.table + torch.unflatten(modulation, 1, (6, -1))).unbind(1)


class AdaLNSingleFinal(nn.Module):
    """Shift and scale of the final layer: c [B, D] → 2 × [B, D] (Chen et al. 2023)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(2, hidden_size) / hidden_size**0.5)

    def forward(self, c: Tensor) -> tuple[Tensor, ...]:
        return (self.table + c[:, None]).unbind(1)
