"""Which noise levels a process draws: their density as quantiles, and the range that a cascade's stage trains on."""

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from designer.wrapping.schedules import VE_HIGH, VE_LOW, shifted

if TYPE_CHECKING:
    from designer.wrapping.noise import Process

Array = NDArray[Any]


def sigma_at(process: "Process", share: Array) -> Array:
    """Return σ, [B], below which lies a share of the levels drawn on the edm and ve schedules."""
    if process.schedule == "ve":
        return np.asarray(VE_LOW * (VE_HIGH / VE_LOW) ** share)
    return np.exp(process.sigma_mean + process.sigma_std * normal_quantile(share))


def flow_level_at(process: "Process", share: Array) -> Array:
    """Return t/T, [B], below which lies a share of the levels drawn on the flow schedule.

    Either uniform or logit-normal (arXiv:2403.03206 eq. 19), then shifted.
    """
    if process.timestep_density == "logit_normal":
        share = 1 / (1 + np.exp(-process.logit_mean - process.logit_std * normal_quantile(share)))
    return shifted(share, process.shift)


def share_below(process: "Process", level: float) -> float:
    """Return the share of the levels drawn that lies below `level`: t/T, or σ on the edm and ve schedules."""
    if process.schedule == "ve":
        return min(float(np.log(max(level, VE_LOW) / VE_LOW) / np.log(VE_HIGH / VE_LOW)), 1.0)
    if process.schedule == "edm":
        normal = NormalDist(process.sigma_mean, process.sigma_std)
        return normal.cdf(float(np.log(level))) if level > 0 else 0.0
    if process.schedule == "flow":
        level = float(shifted(np.asarray(level), 1 / process.shift))
        if process.timestep_density == "logit_normal" and 0 < level < 1:
            return NormalDist(process.logit_mean, process.logit_std).cdf(float(np.log(level / (1 - level))))
    return level


def drawn_range(process: "Process") -> tuple[float, float]:
    """Return the shares of the levels between which `noise_range` lies: (0, 1) without one."""
    if process.noise_range is None:
        return 0.0, 1.0
    low, high = process.noise_range
    return share_below(process, low), share_below(process, high)


def normal_quantile(share: Array) -> Array:
    """Return the quantiles of the normal distribution at `share` in (0, 1)."""
    quantile = NormalDist().inv_cdf
    return np.array([quantile(float(one)) for one in np.ravel(share)]).reshape(np.shape(share))
