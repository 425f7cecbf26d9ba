"""Noise schedules in NumPy, for training and sampling alike: how much of the image is left at a timestep.

A table holds the product of 1 - beta, [T]: the square of the signal's factor, where signal² + noise² = 1.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TABLES = ("linear", "cosine", "sigmoid")
EXPLODING = ("edm", "ve")  # schedules that add noise to an unscaled image
VE_LOW, VE_HIGH = 0.01, 50.0
_MAX_BETA = 0.999


def linear_alphas_cumprod(timesteps: int) -> Array:
    """Return the table, [T], of DDPM's linear betas 1e-4 … 2e-2 (arXiv:2006.11239 §4)."""
    return np.cumprod(1 - np.linspace(1e-4, 2e-2, timesteps))


def cosine_alphas_cumprod(timesteps: int) -> Array:
    """Return the cosine schedule, [T], betas capped at 0.999 (arXiv:2102.09672 §3.2)."""
    return _capped(np.cos((np.arange(timesteps + 1) / timesteps + 0.008) / 1.008 * np.pi / 2) ** 2)


def sigmoid_alphas_cumprod(timesteps: int, start: float = -3.0, end: float = 3.0) -> Array:
    """Return the sigmoid schedule, [T], betas capped at 0.999 (arXiv:2212.11972, algorithm 1, temperature 1)."""
    falling = 1 / (1 + np.exp(start + np.arange(timesteps + 1) / timesteps * (end - start)))
    return _capped((falling - falling[-1]) / (falling[0] - falling[-1]))


def zero_terminal_snr(alphas_cumprod: Array) -> Array:
    """Return the table with its roots shifted to end at 0 and scaled to start as before (arXiv:2305.08891 alg. 1)."""
    signal = np.sqrt(alphas_cumprod)
    return np.asarray(((signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])) ** 2)


@lru_cache(maxsize=16)
def alphas_cumprod(schedule: str, timesteps: int, zero_terminal: bool = False) -> Array:
    """Return the table, [T], of the linear, cosine or sigmoid schedule."""
    tables = {
        "linear": linear_alphas_cumprod, "cosine": cosine_alphas_cumprod, "sigmoid": sigmoid_alphas_cumprod,
    }  # fmt: skip
    found = tables[schedule](timesteps)
    return zero_terminal_snr(found) if zero_terminal else found


def shifted(level: Array, shift: float) -> Array:
    """Return noise levels in [0, 1] shifted towards noise (arXiv:2403.03206 eq. 23)."""
    return np.asarray(shift * level / (1 + (shift - 1) * level))


def _capped(level: Array) -> Array:
    """Return the table of betas at most 0.999 whose signal's square is `level` at T + 1 edges."""
    return np.cumprod(1 - np.minimum(1 - level[1:] / level[:-1], _MAX_BETA))
