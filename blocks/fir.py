"""Resampling with a small low-pass filter (FIR), so that little is aliased."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="FIRDownsample",
        title="Downsample (FIR)",
        family="Resampling",
        tags=("downsample", "lowpass"),
        kind="function",
        target="fir_downsample",
        summary="Blurs with a binomial filter, then keeps every second pixel.",
        glyph="▾",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(
            Port("out", "map", "B C (H+2*padding-len(taps))//2+1 (W+2*padding-len(taps))//2+1"),
        ),
        params=(
            Param("taps", "list", [1, 3, 3, 1], help="the filter along each axis; an even number of taps"),
            Param("padding", "int", 1, minimum=0, maximum=15, unit="pixels", help="zeros added at each border"),
        ),
        constraints=(Constraint("len(taps) % 2 == 0", "the filter {taps} has an odd number of taps"),),
        flops="2*len(taps)**2*out_numel",
        saved=("x", "len(taps)**2"),
        formula="y = (x ∗ f fᵀ)↓2, f = [1, 3, 3, 1]/8",
        reference="Zhang 2019, arXiv:1904.11486; Song et al. 2020, arXiv:2011.13456",
        article="9",
        stability=Stability(
            "aliasing: shifts of the input that change the features",
            "low-pass before subsampling; the variance of white noise falls to (20/64)² ≈ 0.1",
            gain="(20/64)**2 if taps == [1, 3, 3, 1] else 1/len(taps)**2",
        ),
        examples=(
            Example({"x": (2, 3, 8, 6)}, {}),
            Example({"x": (2, 3, 8, 6)}, {"taps": [1, 1], "padding": 0}),
        ),
    ),
    BlockSpec(
        name="FIRUpsample",
        title="Upsample (FIR)",
        family="Resampling",
        tags=("upsample", "lowpass"),
        kind="function",
        target="fir_upsample",
        summary="Inserts zeros, then blurs with a binomial filter: smooth doubling of the resolution.",
        glyph="▴",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(Port("out", "map", "B C 2*H 2*W"),),
        params=(
            Param("taps", "list", [1, 3, 3, 1], help="the filter along each axis; an even number of taps"),
        ),
        constraints=(Constraint("len(taps) % 2 == 0", "the filter {taps} has an odd number of taps"),),
        flops="2*len(taps)**2*x_numel",
        saved=("x", "C*len(taps)**2"),
        formula="y = 4 · (x↑2) ∗ f fᵀ, f = [1, 3, 3, 1]/8",
        reference="Zhang 2019, arXiv:1904.11486; Song et al. 2020, arXiv:2011.13456",
        article="9",
        stability=Stability(
            "checkerboard patterns",
            "the filter removes the copies of the spectrum",
            gain="(5/8)**2 if taps == [1, 3, 3, 1] else 4/len(taps)**2",
        ),
        examples=(Example({"x": (2, 3, 4, 5)}, {}), Example({"x": (2, 3, 4, 5)}, {"taps": [1, 1]})),
    ),
)  # fmt: skip


def fir_filter(x: Tensor, taps: Sequence[int]) -> Tensor:
    """The separable filter with unit sum for each channel of x [B, C, H, W]: [C, 1, taps, taps]."""
    f = torch.tensor(taps, dtype=x.dtype, device=x.device) / sum(taps)
    return (f[:, None] * f).expand(x.shape[1], 1, -1, -1)


def fir_downsample(x: Tensor, *, taps: Sequence[int] = (1, 3, 3, 1), padding: int = 1) -> Tensor:
    """Blur and halve: [B, C, H, W] → [B, C, H/2, W/2] (Zhang 2019)."""
    return F.conv2d(x, fir_filter(x, taps), stride=2, padding=padding, groups=x.shape[1])


def fir_upsample(x: Tensor, *, taps: Sequence[int] = (1, 3, 3, 1)) -> Tensor:
    """Double and blur: [B, C, H, W] → [B, C, 2H, 2W] (Zhang 2019)."""
    padding = len(taps) // 2 - 1
    return F.conv_transpose2d(x, 4 * fir_filter(x, taps), stride=2, padding=padding, groups=x.shape[1])
