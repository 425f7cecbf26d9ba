"""One step of each sampler, from a noise level to the next lower one, in NumPy.

A network's output becomes an estimate of the image and of the noise; every step is made of these two.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from designer.sample.schedule import Level
from designer.wrapping.noise import Process

Images = NDArray[Any]  # float32

SAMPLERS = ("ddim", "ddpm", "euler")


@dataclass(frozen=True)
class Estimate:
    """What the network says of x_t: the image, the noise and, when learned, where the variance lies."""

    x0: Images
    eps: Images
    variance: Images | None = None


def presented(x: Images, level: Level, process: Process) -> tuple[Images, float]:
    """Return what the network is given at x [B, C, H, W]: the sample and the noise level, as it was trained."""
    if process.preconditioning == "none":
        return x, level.t
    wrap = process.scalings(np.asarray(level.alpha), np.asarray(level.sigma))
    return np.asarray(x * np.float32(wrap.input / level.alpha)), float(wrap.noise)


def estimate(x: Images, output: Images, level: Level, process: Process, clip: bool) -> Estimate:
    """Return image and noise, each [B, C, H, W], from the output [B, C or 2C, H, W] at x [B, C, H, W].

    The prediction is epsilon, x0, v (arXiv:2202.00512: alpha·eps - sigma·x_0), flow (eps - x_0), score
    (-eps/sigma) or F of a preconditioning. `clip` keeps the image in [-1, 1] and makes the noise agree with it.
    Channels past C are the learned variance.
    """
    channels = x.shape[1]
    predicted, variance = output[:, :channels], output[:, channels:]
    x0 = _image(x, predicted, level, process)
    if clip:
        x0 = np.clip(x0, -1, 1)
    eps = (x - np.float32(level.alpha) * x0) / np.float32(level.sigma)
    return Estimate(x0, eps, variance if variance.shape[1] else None)


def _image(x: Images, predicted: Images, level: Level, process: Process) -> Images:
    alpha, sigma = np.float32(level.alpha), np.float32(level.sigma)
    if process.prediction == "epsilon":
        return np.asarray((x - sigma * predicted) / alpha)
    if process.prediction == "x0":
        return predicted
    if process.prediction == "score":
        return np.asarray((x + sigma**2 * predicted) / alpha)
    if process.prediction == "v":
        return np.asarray(alpha * x - sigma * predicted)
    if process.prediction == "F":
        wrap = process.scalings(np.asarray(level.alpha), np.asarray(level.sigma))
        return np.asarray(np.float32(wrap.skip) * x / alpha + np.float32(wrap.out) * predicted)
    return np.asarray(x - sigma * predicted)


def ddim(x: Images, found: Estimate, level: Level, lower: Level, noise: Images) -> Images:
    """Deterministic step (arXiv:2010.02502 eq. 12, eta 0). On the flow schedule this is the step of Euler."""
    return np.asarray(np.float32(lower.alpha) * found.x0 + np.float32(lower.sigma) * found.eps)


def ddpm(x: Images, found: Estimate, level: Level, lower: Level, noise: Images) -> Images:
    """Ancestral step (arXiv:2006.11239 eq. 7): the posterior of the lower level, its mean and its noise.

    The variance is the posterior's; a learned one lies between it and beta (arXiv:2102.09672 eq. 15).
    """
    ratio = (level.alpha / lower.alpha) ** 2
    beta = level.sigma**2 - ratio * lower.sigma**2  # 1 - ratio where alpha² + sigma² = 1
    weight_x0 = lower.alpha * beta / level.sigma**2
    weight_x = np.sqrt(ratio) * lower.sigma**2 / level.sigma**2
    mean = np.asarray(np.float32(weight_x0) * found.x0 + np.float32(weight_x) * x)
    if lower.sigma == 0:
        return mean
    variance = max(lower.sigma**2 / level.sigma**2 * beta, 1e-20)
    if found.variance is None:
        return mean + np.float32(np.sqrt(variance)) * noise
    share = (found.variance + 1) / 2
    log_variance = share * np.float32(np.log(beta)) + (1 - share) * np.float32(np.log(variance))
    return np.asarray(mean + np.exp(0.5 * log_variance) * noise)


STEPS = {"ddim": ddim, "euler": ddim, "ddpm": ddpm}
