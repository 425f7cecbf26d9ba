"""Weights that follow the noise level or a strength given by hand: one number a sample, prescribed."""

import torch
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="SNRGate",
        title="Sigmoid of the log-SNR",
        family="Gate",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="0",
            high="1",
            sources=("time",),
            slope="beta / 4",
        ),
        kind="function",
        target="snr_gate",
        summary="Closes the stream in noise and opens it as the signal grows.",
        glyph="σ",
        inputs=(
            Port("x", "any", "B *S", help="what is weighted; gives the number of axes"),
            Port("log_snr", "log_snr", "B"),
        ),
        outputs=(Port("out", "gate", "B *ones(S)"),),
        params=(
            Param("beta", "float", 1.0, help="steepness β; negative would open the skip on noise"),
            Param("tau", "float", 0.0, help="log-SNR at which the weight is 1/2, τ"),
        ),
        saved=("out",),
        formula="w = σ(β(log SNR − τ))",
        reference="Kingma et al. 2021, arXiv:2107.00630 (log-SNR)",
        article="5.2",
        stability=Stability(
            "timestep mismatch: the same skip means noise early and detail late",
            "monotone in the log-SNR, slope at most β/4 "
            "(measured: largest activation 3–5 against 22–29 for a constant weight, losses equal; reversed is worse)",
            bounded=True,
            values={"out": "1/(1 + exp(min(-beta*(log_snr - tau), 60)))"},
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "log_snr": (2,)}, {}),
            Example({"x": (2, 5, 4), "log_snr": (2,)}, {"beta": 0.5, "tau": -2.0}),
        ),
    ),
    BlockSpec(
        name="SNRRampGate",
        title="Ramp over the log-SNR",
        family="Gate",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="0",
            high="1",
            sources=("time",),
            slope="1 / (end - start)",
        ),
        kind="function",
        target="snr_ramp_gate",
        summary="0 below one log-SNR, 1 above another, linear in between.",
        glyph="σ",
        inputs=(
            Port("x", "any", "B *S", help="what is weighted; gives the number of axes"),
            Port("log_snr", "log_snr", "B"),
        ),
        outputs=(Port("out", "gate", "B *ones(S)"),),
        params=(
            Param("start", "float", -4.0, help="log-SNR up to which the weight is 0, τ₀"),
            Param("end", "float", 4.0, help="log-SNR from which the weight is 1, τ₁"),
        ),
        constraints=(Constraint("start < end", "the ramp ends at {end}, not above its start {start}"),),
        saved=("log_snr_numel",),
        formula="w = clip((log SNR − τ₀)/(τ₁ − τ₀), 0, 1)",
        reference="Kingma et al. 2021, arXiv:2107.00630 (log-SNR)",
        article="5.2",
        stability=Stability(
            "timestep mismatch: the same skip means noise early and detail late",
            "exactly 0 in deep noise; slope 1/(τ₁ − τ₀)",
            bounded=True,
            values={"out": "min(max((log_snr - start)/(end - start), 0), 1)"},
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "log_snr": (2,)}, {}),
            Example({"x": (2, 5, 4), "log_snr": (2,)}, {"start": -1.0, "end": 3.0}),
        ),
    ),
    BlockSpec(
        name="StrengthGate",
        title="Condition knob",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="scalar", sources=("condition",)),
        kind="function",
        target="strength_gate",
        summary="A strength for each sample that the caller chooses, such as a control strength.",
        glyph="γ",
        inputs=(
            Port("x", "any", "B *S", help="what is weighted; gives the number of axes"),
            Port("strength", "strength", "B"),
        ),
        outputs=(Port("out", "gate", "B *ones(S)"),),
        views={"out": "strength"},
        formula="w = γ(z)",
        reference="Zhang et al. 2023, arXiv:2302.05543",
        article="5.2, 8",
        stability=Stability("control dominance", "an explicit number outside the network; nothing to learn"),
        examples=(
            Example({"x": (2, 3, 4, 4), "strength": (2,)}, {}),
            Example({"x": (2, 5, 4), "strength": (2,)}, {}),
        ),
    ),
)


def snr_gate(x: Tensor, log_snr: Tensor, *, beta: float = 1.0, tau: float = 0.0) -> Tensor:
    """Weight of a stream x [B, …] at log-SNR [B]: σ(β(log SNR − τ)) → [B, 1, …]."""
    return torch.sigmoid(beta * (log_snr - tau)).view(-1, *[1] * (x.ndim - 1))


def snr_ramp_gate(x: Tensor, log_snr: Tensor, *, start: float = -4.0, end: float = 4.0) -> Tensor:
    """Weight of a stream x [B, …] at log-SNR [B]: 0 up to `start`, 1 from `end` → [B, 1, …]."""
    return ((log_snr - start) / (end - start)).clamp(0, 1).view(-1, *[1] * (x.ndim - 1))


def strength_gate(x: Tensor, strength: Tensor) -> Tensor:
    """Weight of a stream x [B, …] chosen for each sample: strength [B] → [B, 1, …]."""
    return strength.view(-1, *[1] * (x.ndim - 1))
