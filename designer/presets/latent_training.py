"""How a network on latents is wrapped: what it predicts, what else goes in or comes out."""

from typing import Any


def latent_training(in_channels: int, out_channels: int, size: int, **process: Any) -> dict[str, Any]:
    """Return the training section; twice the input's channels are a learned variance, other numbers an extra."""
    found = {"schedule": "linear", "timesteps": 1000, **process, "sample_shape": [in_channels, size, size]}
    if out_channels == 2 * in_channels:
        found["learned_sigma"] = True
    elif out_channels < in_channels:
        found["conditioning_channels"] = in_channels - out_channels
    elif out_channels > in_channels:
        found["further_channels"] = out_channels - in_channels
    return found
