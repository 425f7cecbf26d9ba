"""The noise levels that a sampler visits, for a network trained under a `Process`."""

from dataclasses import dataclass

import numpy as np

from designer.wrapping.noise import Process
from designer.wrapping.schedules import EXPLODING, VE_HIGH, VE_LOW, shifted


@dataclass(frozen=True)
class Level:
    """A noise level: the timestep that the model is told, and the factors of signal and noise."""

    t: float
    alpha: float
    sigma: float


CLEAN = Level(-1.0, 1.0, 0.0)
LIMITS = {"edm": (80.0, 0.002), "ve": (VE_HIGH, VE_LOW)}  # highest and lowest sigma
RHO = 7.0


def levels(process: Process, steps: int) -> list[Level]:
    """Return the noise levels to visit, noisiest first; after the last comes the clean image.

    On the edm and ve schedules t is sigma, which falls along the curve of arXiv:2206.00364 eq. 5. A network
    that predicts noise says nothing about the image where there is no signal: for it the first level lies
    below T ("leading", as in arXiv:2010.02502); the others start at the last one ("trailing",
    arXiv:2305.08891).
    """
    timesteps = process.timesteps
    if process.schedule == "flow":
        highest = 1.0 if process.prediction == "flow" else 1 - 1 / timesteps
        falling = shifted(np.linspace(highest, 0, steps + 1)[:-1], process.shift)
        return [Level(sigma * timesteps, 1 - sigma, sigma) for sigma in map(float, falling)]
    if process.schedule in EXPLODING:
        high, low = LIMITS[process.schedule]
        curve = np.linspace(high ** (1 / RHO), low ** (1 / RHO), steps) ** RHO
        return [Level(float(sigma), 1.0, float(sigma)) for sigma in curve]
    whole = visited(timesteps, steps, trailing=process.prediction not in ("epsilon", "F"))
    alpha, sigma = process.levels(np.array(whole))
    return [Level(*map(float, one)) for one in zip(whole, alpha, sigma, strict=True)]


def visited(timesteps: int, steps: int, trailing: bool) -> list[int]:
    """Return `steps` whole timesteps in [0, timesteps), from high to low, evenly spaced."""
    if trailing:
        return [int(t) for t in np.round(np.arange(timesteps, 0, -timesteps / steps)).astype(int)[:steps] - 1]
    return [int(index * timesteps / steps) for index in range(steps)][::-1]


def split_levels(visited: list[Level], process: Process, split: float) -> int:
    """Return how many of the levels lie at or above `split`: t/T, or sigma on the edm and ve schedules."""
    unit = 1.0 if process.schedule in EXPLODING else process.timesteps
    return sum(level.t >= split * unit for level in visited)
