"""Preconditionings: D(x; σ) = c_skip x + c_out F(c_in x, c_noise), F being the network, x the image plus σ noise.

Each has the weight λ(σ) = 1 / c_out² of its paper, so that the plain squared error of F is what is trained.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_BETA_RANGE, _BETA_MIN = 19.9, 0.1  # of VP's betas in continuous time


@dataclass(frozen=True)
class Scalings:
    """The factors of skip, output and input, and the noise level that the network is told: each [B]."""

    skip: Array
    out: Array
    input: Array
    noise: Array


def scalings(kind: str, sigma: Array, sigma_data: float = 0.5, timesteps: int = 1000) -> Scalings:
    """Return the scalings at σ [B]: edm, vp and ve of arXiv:2206.00364 table 1, v of arXiv:2202.00512.

    v is v-prediction seen from the unscaled image: F = α ε - σ' x_0 with the angle atan σ, told as 2/π of it.
    """
    one = np.ones_like(sigma)
    if kind == "vp":
        time = (np.sqrt(_BETA_MIN**2 + 2 * _BETA_RANGE * np.log1p(sigma**2)) - _BETA_MIN) / _BETA_RANGE
        return Scalings(one, -sigma, 1 / np.sqrt(1 + sigma**2), (timesteps - 1) * time)
    if kind == "ve":
        return Scalings(one, sigma, one, np.log(sigma / 2))
    if kind == "v":
        length = np.sqrt(1 + sigma**2)
        return Scalings(1 / length**2, -sigma / length, 1 / length, 2 / np.pi * np.arctan(sigma))
    length = np.sqrt(sigma**2 + sigma_data**2)
    return Scalings(sigma_data**2 / length**2, sigma * sigma_data / length, 1 / length, np.log(sigma) / 4)
