"""Noise schedules in NumPy: how much signal and noise a sample holds at a timestep, and which timesteps to visit.

x_t = alpha(t) x_0 + sigma(t) eps, as in training (`designer.train.noise`), without PyTorch.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def linear_alphas_cumprod(timesteps: int) -> Array:
    """Return the product of 1 - beta, [T], of DDPM's linear betas 1e-4 … 2e-2 (arXiv:2006.11239 §4)."""
    return np.cumprod(1 - np.linspace(1e-4, 2e-2, timesteps))


def cosine_alphas_cumprod(timesteps: int) -> Array:
    """Return the cosine schedule, [T], betas capped at 0.999 (arXiv:2102.09672 §3.2)."""
    level = np.cos((np.arange(timesteps + 1) / timesteps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.cumprod(1 - np.minimum(1 - level[1:] / level[:-1], 0.999))


@dataclass(frozen=True)
class Level:
    """A noise level: the timestep that the model is told, and the factors of signal and noise."""

    t: float
    alpha: float
    sigma: float


CLEAN = Level(-1.0, 1.0, 0.0)
EXPLODING = {"edm": (80.0, 0.002), "ve": (50.0, 0.01)}  # highest and lowest sigma
RHO = 7.0


def levels(schedule: str, prediction: str, timesteps: int, steps: int) -> list[Level]:
    """Return the noise levels to visit, noisiest first; after the last comes the clean image.

    `schedule` is linear, cosine, flow (alpha = 1 - t/T, sigma = t/T), edm or ve (alpha = 1, t = sigma, which
    falls from 80 or 50 along the curve of arXiv:2206.00364 eq. 5). A network that predicts noise says
    nothing about the image where there is no signal: for it the first level lies below T ("leading", as in
    arXiv:2010.02502); the others start at the last one ("trailing", arXiv:2305.08891).
    """
    if schedule == "flow":
        highest = 1.0 if prediction == "flow" else 1 - 1 / timesteps
        return [
            Level(sigma * timesteps, 1 - sigma, sigma) for sigma in np.linspace(highest, 0, steps + 1)[:-1]
        ]
    if schedule in EXPLODING:
        high, low = EXPLODING[schedule]
        curve = np.linspace(high ** (1 / RHO), low ** (1 / RHO), steps) ** RHO
        return [Level(float(sigma), 1.0, float(sigma)) for sigma in curve]
    table = (linear_alphas_cumprod if schedule == "linear" else cosine_alphas_cumprod)(timesteps)
    return [
        Level(float(t), float(np.sqrt(table[t])), float(np.sqrt(1 - table[t])))
        for t in visited(timesteps, steps, trailing=prediction != "epsilon")
    ]


def visited(timesteps: int, steps: int, trailing: bool) -> list[int]:
    """Return `steps` whole timesteps in [0, timesteps), from high to low, evenly spaced."""
    if trailing:
        return [int(t) for t in np.round(np.arange(timesteps, 0, -timesteps / steps)).astype(int)[:steps] - 1]
    return [int(index * timesteps / steps) for index in range(steps)][::-1]
