"""How the squared error of a prediction is weighted at a noise level, whatever is predicted.

Weights are stated for the error of the image or of the noise in their papers; `image_error` says how much
squared error of the image one squared error of the prediction is.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from designer.wrapping.noise import Process

Array = NDArray[Any]


def default_loss(schedule: str, prediction: str) -> str:
    """Return the weighting of a design that names none: its paper's for scores and for EDM, else mse."""
    if prediction == "score":
        return "sigma2"
    return "edm" if (schedule, prediction) == ("edm", "x0") else "mse"


def image_error(process: "Process", alpha: Array, sigma: Array) -> Array:
    """Return the factor k, [B], in ‖x̂_0 - x_0‖² = k ‖prediction - target‖²."""
    if process.prediction == "x0":
        return np.ones_like(sigma)
    if process.prediction == "epsilon":
        return np.asarray((sigma / alpha) ** 2)
    if process.prediction == "score":
        return np.asarray(sigma**4 / alpha**2)
    if process.prediction == "F":
        return np.asarray(process.scalings(alpha, sigma).out ** 2)
    return np.asarray(sigma**2)  # v and the velocity of a flow


def loss_weight(process: "Process", alpha: Array, sigma: Array) -> Array:
    """Return the weight, [B], of the squared error of the prediction.

    mse: 1. sigma2: σ² (arXiv:1907.05600 §4.2). edm: (σ² + s²)/(σ s)² on the image's error (arXiv:2206.00364).
    min_snr: min(SNR, γ) on the image's error (arXiv:2303.09556). p2: (k + SNR)^-γ on the noise's error
    (arXiv:2204.00227), which is SNR times that of the image.
    """
    if process.loss == "mse":
        return np.ones_like(sigma)
    if process.loss == "sigma2":
        return np.asarray(sigma**2)
    snr, error = (alpha / sigma) ** 2, image_error(process, alpha, sigma)
    if process.loss == "edm":
        return np.asarray((1 / snr + process.sigma_data**2) / (process.sigma_data**2 / snr) * error)
    if process.loss == "min_snr":
        return np.asarray(np.minimum(snr, process.min_snr_gamma) * error)
    return np.asarray(snr * error / (process.p2_k + snr) ** process.p2_gamma)


def target_power(process: "Process", alpha: Array, sigma: Array) -> Array:
    """Return the mean square of the target, [B], for data of mean 0 and standard deviation `sigma_data`."""
    data = process.sigma_data**2 * np.ones_like(sigma)
    if process.prediction == "epsilon":
        return np.ones_like(sigma)
    if process.prediction == "x0":
        return data
    if process.prediction == "flow":
        return 1 + data
    if process.prediction == "score":
        return np.asarray(1 / sigma**2)
    if process.prediction == "v":
        return np.asarray(alpha**2 + sigma**2 * data)
    wrap = process.scalings(alpha, sigma)
    return np.asarray(((1 - wrap.skip) ** 2 * data + wrap.skip**2 * (sigma / alpha) ** 2) / wrap.out**2)
