"""Training on latents: images become cached latents of an autoencoder, and its decoder says which channels matter."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from designer.autoencoder import Autoencoder
from designer.errors import UserError
from designer.train.data import Dataset

if TYPE_CHECKING:
    from torch import Tensor

_SOME, _STEP = 64, 1e-2


def latent_data(autoencoder: Autoencoder, images: Dataset) -> Dataset:
    """Return the latents of images, and say how loud they are: about 1 is what a denoiser is made for."""
    import torch

    with torch.no_grad():
        latents = torch.cat([autoencoder.encode(some).cpu() for some in autoencoder.batches(images.samples)])
    said = f"latents of {images.description}; standard deviation {float(latents.std()):.3g}"
    return Dataset(latents, images.labels, said)


def decoder_sensitivity(
    autoencoder: Autoencoder,
    latents: "Tensor",
    features: "Callable[[Tensor], list[Tensor]]" = lambda images: [images],
    seed: int = 0,
) -> "Tensor":
    """Return how strongly each channel of each latent moves features of the decoded image, [N, C].

    That is the mean square of J_c u over a feature map, and its mean over the maps, where J_c is the Jacobian
    of features(decode) in channel c at this latent and u random signs, by central differences: an estimate of
    ‖J_c‖² over the size. The features are the image itself unless said.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    signs = torch.randn(latents.shape[1:], generator=generator).sign().to(autoencoder.device)
    found = []
    for some in autoencoder.batches(latents, autoencoder.factor):
        columns = []
        for channel in range(latents.shape[1]):
            direction = torch.zeros_like(some)
            direction[:, channel] = _STEP * signs[channel]
            with torch.no_grad():
                above, below = (features(autoencoder.decode(some + way * direction)) for way in (1, -1))
            moved = [(a - b) / (2 * _STEP) for a, b in zip(above, below, strict=True)]
            columns.append(torch.stack([one.square().flatten(1).mean(1) for one in moved]).mean(0))
        found.append(torch.stack(columns, dim=1).cpu())
    return torch.cat(found)


def channel_weights(
    training: Mapping[str, Any], shape: tuple[int, ...], autoencoder: Autoencoder | None, latents: "Tensor"
) -> "Tensor | None":
    """Return the weights w(z) of errors over channels, of mean one: [C], or [N, C] where each latent has its own.

    They are the design's own numbers, or how strongly the decoder reacts: its mean over some latents (decoder)
    or that of each latent (adaptive); measured on the image, or on what the eye sees of it (perceptual,
    perceptual_adaptive). Raises UserError for what needs an autoencoder without one.
    """
    from designer.train.objective import normalised, static_weights
    from designer.train.perceptual import bands

    how = training.get("channel_weighting", "static")
    if how == "static":
        return static_weights(training, shape)
    if autoencoder is None:
        raise UserError(
            f"training.channel_weighting: {how!r} asks a decoder; name an autoencoder, or give channel_weights"
        )
    each = "adaptive" in how
    some = latents if each else latents[:_SOME]
    chosen = (some, bands) if "perceptual" in how else (some,)
    found = decoder_sensitivity(autoencoder, *chosen)
    return normalised(found if each else found.mean(0))
