"""Expert adaptive layer normalisation: text and video tokens of one block are modulated each in its own way."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Gate, Param, Port, Stability

SPEC = BlockSpec(
    name="ExpertAdaLN",
    title="Expert AdaLN modulation",
    family="Modulation",
    tags=("modulator", "gate"),
    gate=Gate(
        ports=("gate", "context_gate"),
        granularity="channel",
        sources=("time", "condition"),
        learned=True,
        initial="0",
    ),
    kind="module",
    target="ExpertAdaLN",
    summary="From the condition: shift, scale and gate for the video tokens and for the text tokens, zero at start.",
    glyph="◐",
    inputs=(Port("c", "vector", "B cond_size"),),
    outputs=(
        Port("shift", "vector", "B hidden_size"),
        Port("scale", "vector", "B hidden_size"),
        Port("gate", "vector", "B hidden_size"),
        Port("context_shift", "vector", "B hidden_size"),
        Port("context_scale", "vector", "B hidden_size"),
        Port("context_gate", "vector", "B hidden_size"),
    ),
    params=(
        Param("cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"),
        Param("hidden_size", "int", minimum=1, positional=True, help="features of the modulated tokens"),
    ),
    parameters="6*hidden_size*(cond_size + 1)",
    state={"proj.weight": "6*hidden_size cond_size", "proj.bias": "6*hidden_size"},
    flops="12*cond_size*shift_numel",
    saved=("c", "c_numel"),
    views={
        "scale": "shift",
        "gate": "shift",
        "context_shift": "shift",
        "context_scale": "shift",
        "context_gate": "shift",
    },
    formula="shift, scale, gate (video, text) = chunk₆(W·SiLU(c) + b), W = b = 0 at start",
    reference="Yang et al. 2024, arXiv:2408.06072, section 2.2",
    article="11.2, 13",
    stability=Stability(
        "the residual streams at the start of training; the different scales of text and video features",
        "gates are 0, so each block is the identity at first; each stream is normalised and scaled for itself",
        gain="0",
        zero_init=True,
    ),
    examples=(Example({"c": (2, 6)}, {"hidden_size": 8}),),
)


class ExpertAdaLN(nn.Module):
    """Modulation of video and text tokens: c [B, C] → 6 × [B, D], zero at start (Yang et al. 2024)."""

    def __init__(self, cond_size: int, hidden_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(cond_size, 6 * hidden_size)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, c: Tensor) -> tuple[Tensor, ...]:
        return torch.chunk(self.proj(F.silu(c)), 6, dim=1)
