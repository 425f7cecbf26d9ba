"""The latent interface: images become cached latents of an autoencoder, and its decoder says which channels matter.

The autoencoder is a folder of diffusers' AutoencoderKL (config.json and safetensors), read in the child process.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.errors import UserError
from designer.train.data import Dataset, load_data
from designer.train.options import TrainOptions

if TYPE_CHECKING:
    from torch import Tensor

_BATCH, _SOME, _STEP = 16, 64, 1e-2


@dataclass(frozen=True)
class Autoencoder:
    """A model with `encode` and `decode` of latents [B, C, h, w] = (z - shift) · scale, `factor` times smaller."""

    model: Any
    scale: float
    shift: float
    factor: int
    channels: int
    image_channels: int
    device: str = "cpu"

    def encode(self, images: "Tensor") -> "Tensor":
        """Return the latents of images [B, c, H, W] in [-1, 1]: the means that the encoder gives."""
        latents: Tensor = (self.model.encode(images).latent_dist.mean - self.shift) * self.scale
        return latents

    def decode(self, latents: "Tensor") -> "Tensor":
        """Return the images of latents [B, C, h, w]."""
        images: Tensor = self.model.decode(latents / self.scale + self.shift).sample
        return images


def load_autoencoder(folder: str | Path, device: str = "cpu") -> Autoencoder:
    """Read an autoencoder; child processes only. Raises UserError for a folder that holds none."""
    path = Path(folder)
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        kind = config["_class_name"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"autoencoder {path}: holds no config.json of a diffusers model") from None
    if kind != "AutoencoderKL":
        raise UserError(f"autoencoder {path}: is a {kind}, expected an AutoencoderKL")
    from diffusers import AutoencoderKL

    try:
        model = AutoencoderKL.from_pretrained(  # type: ignore[no-untyped-call]
            path, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"autoencoder {path}: {str(error)[:300]}") from None
    known = model.config
    return Autoencoder(
        model.eval().requires_grad_(False).to(device), known.scaling_factor, known.shift_factor or 0.0,
        2 ** (len(known.block_out_channels) - 1), known.latent_channels, known.in_channels, device,
    )  # fmt: skip


def latent_data(autoencoder: Autoencoder, options: TrainOptions, shape: tuple[int, ...]) -> Dataset:
    """Return the latents, of `shape` (C, h, w), of the images that `options` name.

    Raises UserError when the autoencoder has other channels.
    """
    import torch

    if len(shape) != 3 or shape[0] != autoencoder.channels:
        raise UserError(
            f"autoencoder: its latents have {autoencoder.channels} channels, the design takes {list(shape)}"
        )
    images = load_data(
        options, (autoencoder.image_channels, shape[1] * autoencoder.factor, shape[2] * autoencoder.factor)
    )
    with torch.no_grad():
        parts = _parts(images.samples)
        latents = torch.cat([autoencoder.encode(some.to(autoencoder.device)).cpu() for some in parts])
    return Dataset(latents, images.labels, f"latents of {images.description}")


def _parts(samples: "Tensor") -> "Iterator[Tensor]":
    return (samples[start : start + _BATCH] for start in range(0, len(samples), _BATCH))


def decoder_sensitivity(autoencoder: Autoencoder, latents: "Tensor", seed: int = 0) -> "Tensor":
    """Return how strongly each channel of each latent moves the decoded image, [N, C].

    That is the mean square of J_c u over the image, where J_c is the decoder's Jacobian in channel c at this
    latent and u random signs, by central differences: an estimate of ‖J_c‖² over the image's size.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    signs = torch.randn(latents.shape[1:], generator=generator).sign().to(autoencoder.device)
    found = []
    for part in _parts(latents):
        some = part.to(autoencoder.device)
        columns = []
        for channel in range(latents.shape[1]):
            direction = torch.zeros_like(some)
            direction[:, channel] = _STEP * signs[channel]
            with torch.no_grad():
                moved = autoencoder.decode(some + direction) - autoencoder.decode(some - direction)
            columns.append((moved / (2 * _STEP)).square().flatten(1).mean(1))
        found.append(torch.stack(columns, dim=1).cpu())
    return torch.cat(found)


def channel_weights(
    training: Mapping[str, Any], shape: tuple[int, ...], autoencoder: Autoencoder | None, latents: "Tensor"
) -> "Tensor | None":
    """Return the weights of errors over channels, of mean one: [C], or [N, C] where each latent has its own.

    They are the design's own numbers, or the sensitivity of the decoder: its mean over some latents
    (decoder), or that of each latent (adaptive). Raises UserError for the latter two without an autoencoder.
    """
    from designer.train.objective import normalised, static_weights

    how = training.get("channel_weighting", "static")
    if how == "static":
        return static_weights(training, shape)
    if autoencoder is None:
        raise UserError(
            f"training.channel_weighting: {how!r} asks a decoder; name an autoencoder, or give channel_weights"
        )
    if how == "adaptive":
        return normalised(decoder_sensitivity(autoencoder, latents))
    return normalised(decoder_sensitivity(autoencoder, latents[:_SOME]).mean(0))
