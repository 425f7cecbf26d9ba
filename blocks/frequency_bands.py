"""Transforms that weigh low and high frequencies of a map, in real arithmetic: no FFT, so that they export.

The low band is the box of frequencies −c … c − 1 of each axis, what slicing a shifted spectrum by
[H//2 − c : H//2 + c] keeps; the result is its real part.
"""

import math

import torch
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="BandSplit",
        title="Band split",
        family="Transform",
        tags=("lowpass",),
        kind="function",
        target="band_split",
        summary="Low and high frequencies of a map, each times a weight of its own.",
        glyph="≈",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(Port("out", "map", "B C H W"),),
        params=(
            Param("low", "float", 1.0, minimum=0.0, help="weight of the low band, λ_low"),
            Param("high", "float", 0.5, minimum=0.0, help="weight of the high band, λ_high"),
            Param("cutoff", "int", 2, minimum=1, unit="cycles", help="frequencies below this are low, c"),
        ),
        constraints=(
            Constraint("2*cutoff <= H", "height {H} has no frequency {cutoff}; lower cutoff"),
            Constraint("2*cutoff <= W", "width {W} has no frequency {cutoff}; lower cutoff"),
        ),
        flops="4*x_numel*(H + W)",
        saved=("2*(H*H + W*W)",),
        work="3*x_numel + 2*(H*H + W*W)",
        formula="φ(s) = λ_low·s_low + λ_high·s_high, s_low = Re F⁻¹(M ⊙ F(s)), s_high = s − s_low",
        reference="Si et al. 2023, arXiv:2309.11497",
        article="6",
        stability=Stability(
            "noise that leaks through a skip's high frequencies",
            "a fixed linear filter; never amplifies a band while its weight is at most 1",
        ),
        examples=(
            Example({"x": (2, 3, 8, 6)}, {}),
            Example({"x": (2, 3, 5, 7)}, {"low": 0.9, "high": 1.0, "cutoff": 1}),
        ),
    ),
    BlockSpec(
        name="SNRBandSplit",
        title="Band split by noise level",
        family="Transform",
        tags=("lowpass",),
        kind="function",
        target="snr_band_split",
        summary="Lets high frequencies pass only as the signal grows; low frequencies always pass.",
        glyph="≈",
        inputs=(Port("x", "map", "B C H W"), Port("log_snr", "log_snr", "B")),
        outputs=(Port("out", "map", "B C H W"),),
        params=(
            Param("beta", "float", 1.0, minimum=0.0, help="steepness of the high band's weight, β"),
            Param("tau", "float", 0.0, help="log-SNR at which the high band's weight is 1/2, τ"),
            Param("cutoff", "int", 2, minimum=1, unit="cycles", help="frequencies below this are low, c"),
        ),
        constraints=(
            Constraint("2*cutoff <= H", "height {H} has no frequency {cutoff}; lower cutoff"),
            Constraint("2*cutoff <= W", "width {W} has no frequency {cutoff}; lower cutoff"),
        ),
        flops="4*x_numel*(H + W)",
        saved=("x", "x_numel + 2*(H*H + W*W) + 2*log_snr_numel"),
        work="3*x_numel + 2*(H*H + W*W)",
        formula="φ(s) = s_low + σ(β(log SNR − τ))·s_high",
        reference="Si et al. 2023, arXiv:2309.11497; Kingma et al. 2021, arXiv:2107.00630 (log-SNR)",
        article="5.2, 6",
        stability=Stability(
            "noise that leaks through a skip's high frequencies",
            "λ_high ≤ λ_low = 1 at every noise level, and → 0 in noise",
            bounded=True,
        ),
        examples=(
            Example({"x": (2, 3, 8, 6), "log_snr": (2,)}, {}),
            Example({"x": (2, 3, 4, 4), "log_snr": (2,)}, {"beta": 0.5, "tau": -1.0, "cutoff": 1}),
        ),
    ),
    BlockSpec(
        name="FreeUSkip",
        title="FreeU, skip",
        family="Transform",
        tags=("inference_only",),
        kind="function",
        target="freeu_skip",
        summary="Multiplies the lowest frequencies of a skip by a factor below 1.",
        glyph="≈",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(Port("out", "map", "B C H W"),),
        params=(
            Param(
                "factor",
                "float",
                0.9,
                minimum=0.0,
                positional=True,
                omit=None,
                help="s; 0.9 and 0.2 in SD 1.5",
            ),
            Param(
                "threshold",
                "int",
                1,
                minimum=1,
                unit="cycles",
                help="half the side of the box of frequencies",
            ),
        ),
        constraints=(
            Constraint("2*threshold <= H", "height {H} has no frequency {threshold}; lower threshold"),
            Constraint("2*threshold <= W", "width {W} has no frequency {threshold}; lower threshold"),
        ),
        flops="4*x_numel*(H + W)",
        saved=("2*(H*H + W*W)",),
        work="2*x_numel + 2*(H*H + W*W)",
        formula="φ(s) = s + (factor − 1)·s_low",
        reference="Si et al. 2023, arXiv:2309.11497",
        article="6",
        stability=Stability(
            "dominance of skips in sampling with a trained U-Net",
            "attenuates the skip's low frequencies, as the published code does; the article says high",
        ),
        examples=(
            Example({"x": (2, 3, 8, 6)}, {}),
            Example({"x": (2, 3, 5, 4)}, {"factor": 0.2, "threshold": 2}),
        ),
    ),
    BlockSpec(
        name="FreSca",
        title="FreSca",
        family="Transform",
        tags=("inference_only",),
        kind="function",
        target="fresca",
        summary="Weighs low and high frequencies; where they part follows from the spectrum of the batch.",
        glyph="≈",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(Port("out", "map", "B C H W"),),
        params=(
            Param("low", "float", 1.0, minimum=0.0, help="weight of the low band"),
            Param("high", "float", 1.25, minimum=0.0, help="weight of the high band; 1 to 1.5 is advised"),
            Param(
                "threshold",
                "float",
                0.2,
                minimum=0.0,
                maximum=1.0,
                help="share of the magnitude of a centre line, summed from its most negative frequency, at the cutoff",
            ),
        ),
        constraints=(
            Constraint(
                "6 <= H", "height {H} is below 6; the low band spans at least 3 frequencies to each side"
            ),
            Constraint(
                "6 <= W", "width {W} is below 6; the low band spans at least 3 frequencies to each side"
            ),
        ),
        flops="4*x_numel*(H + W) + 4*B*C*(H*H + W*W)",
        saved=("4*(H*H + W*W) + 3*B*C*(H + W)",),
        work="3*x_numel + 4*(H*H + W*W)",
        formula="y = l·x_low + h·x_high, c = max(3, mean over rows and columns of min(first Σ|X| ≥ q·total, min(H, W)/4))",
        reference="Huang et al. 2025, arXiv:2504.02154",
        article="6",
        stability=Stability(
            "",
            "the cutoff reads the mean spectrum of the whole batch, as the published code does: "
            "results depend on what is sampled together; meant for noise predictions in sampling",
        ),
        examples=(
            Example({"x": (2, 3, 16, 12)}, {}),
            Example({"x": (2, 3, 8, 8)}, {"low": 0.9, "high": 1.4, "threshold": 0.5}),
        ),
    ),
)


def band_projections(size: int, cutoff: int | Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of the projection on the frequencies −c … c − 1 of an axis: 2 × [n, n]."""
    index = torch.arange(size, device=like.device, dtype=like.dtype)
    offset = index[:, None] - index[None]
    half = math.pi / size * offset
    wave = torch.sin(2 * cutoff * half)
    real = wave / torch.tan(torch.where(offset == 0, 1.0, half))
    return torch.where(offset == 0, 2.0 * cutoff, real) / size, -wave / size


def low_band(x: Tensor, cutoff: int | Tensor) -> Tensor:
    """Real part of what the frequencies −c … c − 1 of both axes hold: [B, C, H, W] → [B, C, H, W]."""
    real_h, imaginary_h = band_projections(x.shape[2], cutoff, x)
    real_w, imaginary_w = band_projections(x.shape[3], cutoff, x)
    return real_h @ x @ real_w.T - imaginary_h @ x @ imaginary_w.T


def band_split(x: Tensor, *, low: float = 1.0, high: float = 0.5, cutoff: int = 2) -> Tensor:
    """Weigh the low and the high band: [B, C, H, W] → [B, C, H, W]."""
    return high * x + (low - high) * low_band(x, cutoff)


def snr_band_split(
    x: Tensor, log_snr: Tensor, *, beta: float = 1.0, tau: float = 0.0, cutoff: int = 2
) -> Tensor:
    """Weigh the high band by σ(β(log SNR − τ)), log-SNR [B]: [B, C, H, W] → [B, C, H, W]."""
    weight = torch.sigmoid(beta * (log_snr - tau))[:, None, None, None]
    return weight * x + (1 - weight) * low_band(x, cutoff)


def freeu_skip(x: Tensor, factor: float, *, threshold: int = 1) -> Tensor:
    """Weigh the lowest frequencies of a skip: [B, C, H, W] → [B, C, H, W] (Si et al. 2023)."""
    return x + (factor - 1) * low_band(x, threshold)


def line_cutoff(line: Tensor, threshold: float, limit: int) -> Tensor:
    """Where the magnitude of a shifted spectrum, summed from its start, reaches a share: line [B, C, n] → []."""
    size = line.shape[-1]
    index = torch.arange(size, device=line.device, dtype=line.dtype)
    angle = 2 * math.pi / size * index[:, None] * (index - size // 2)[None]
    power = (line @ torch.cos(angle)).square() + (line @ torch.sin(angle)).square()
    magnitude = power.sqrt().mean(dim=(0, 1))
    below = magnitude.cumsum(0) < threshold * magnitude.sum()
    return below.sum().clamp(max=limit)


def fresca(x: Tensor, *, low: float = 1.0, high: float = 1.25, threshold: float = 0.2) -> Tensor:
    """Weigh the bands about a cutoff found in the spectrum: [B, C, H, W] → [B, C, H, W] (Huang et al. 2025)."""
    limit = min(x.shape[2], x.shape[3]) // 4
    columns = line_cutoff(x.sum(2), threshold, limit)
    rows = line_cutoff(x.sum(3), threshold, limit)
    cutoff = ((columns + rows) // 2).clamp(min=3)
    return high * x + (low - high) * low_band(x, cutoff)
