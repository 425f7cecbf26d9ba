"""From a prediction to the loss: squared errors weighted over channels and noise levels, or against a learned error."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from designer.errors import UserError


def squared_errors(prediction: Tensor, target: Tensor, channels: Tensor | None, axis: int = 1) -> Tensor:
    """Return each sample's mean squared error, [B], of tensors [B, C, ...].

    `channels`, [C] or [B, C] along `axis`, are weights of mean one.
    """
    squares = (prediction.float() - target).square()
    if channels is None:
        return squares.flatten(1).mean(1)
    per_channel = squares.movedim(axis, 1).flatten(2).mean(2)
    return (per_channel * channels).mean(1)


def weighted_loss(errors: Tensor, weight: Tensor, log_variance: Tensor | None) -> Tensor:
    """Return the batch's loss of errors [B] under weights [B].

    With the log-variance u to expect at each noise level it is w e / exp(u) + u (arXiv:2312.02696 eq. 21).
    """
    weighted = weight * errors
    if log_variance is not None:
        level = log_variance.float().flatten()
        weighted = weighted / level.exp() + level
    return weighted.mean()


def divergence(moments: Tensor) -> Tensor:
    """Return how far the Gaussians of moments [B, 2C, ...] are from N(0, 1), [B]: the mean over their elements of

    (μ² + σ² - 1 - log σ²) / 2 (arXiv:1312.6114, appendix B).
    """
    mean, log_variance = moments.float().chunk(2, dim=1)
    log_variance = log_variance.clamp(-30, 20)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).mean(1)


def static_weights(training: Mapping[str, Any], shape: tuple[int, ...]) -> Tensor | None:
    """Return the design's `channel_weights`, [C] of mean one, for samples of `shape`; None without them.

    Raises UserError when they are not one number a channel.
    """
    given = training.get("channel_weights")
    if given is None:
        return None
    channels = shape[int(training.get("channel_axis", 1)) - 1]
    if len(given) != channels or not sum(given) > 0:
        raise UserError(
            f"training.channel_weights: received {list(given)}, expected {channels} numbers, one a channel, "
            f"not all 0"
        )
    return normalised(torch.tensor(given, dtype=torch.float32))


def normalised(weights: Tensor) -> Tensor:
    """Return weights [..., C] of mean one over the channels."""
    return weights / weights.mean(-1, keepdim=True)
