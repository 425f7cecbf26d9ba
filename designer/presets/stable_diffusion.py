"""Stable Diffusion 1.5 and 2.1 (Rombach et al. 2022): latent U-Nets with cross-attention to text."""

from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.graph import Json
from designer.presets.latent_attention import LDM
from designer.presets.latent_levels import Level
from designer.presets.latent_unet import unet
from designer.presets.latent_writer import LatentUNet

DOC = "Predicts the noise (or the velocity) of a noisy latent at timestep t for a text."


def network(
    channels: tuple[int, ...], heads: tuple[int, ...], context_dim: int, num_blocks: int = 2, **fields: Any
) -> LatentUNet:
    """Return a U-Net with a spatial transformer in every level but the coarsest."""
    last = len(channels) - 1
    kinds = ["cross"] * last + ["plain"]
    return LatentUNet(
        channels,
        tuple(Level(kind, num_blocks, one) for kind, one in zip(kinds, heads, strict=True)),
        tuple(Level(kind, num_blocks + 1, one) for kind, one in zip(kinds, heads, strict=True)),
        Level("cross", 1, heads[-1]),
        context_dim,
        **fields,
    )


def training(prediction: str, channels: int, side: int) -> dict[str, Any]:
    """Return how the network is trained."""
    return {
        "prediction": prediction,
        "schedule": "linear",
        "timesteps": 1000,
        "sample_shape": [channels, side, side],
    }


SD15 = network((320, 640, 1280, 1280), (8, 8, 8, 8), 768)
SD21 = network((320, 640, 1280, 1280), (5, 10, 20, 20), 1024)
TINY = network((32, 64), (2, 2), 32, 1, in_channels=1, out_channels=1, num_groups=8)


def _document(name: str, shape: LatentUNet, prediction: str, side: int) -> Json:
    return unet(shape, name, DOC, LDM, training(prediction, shape.in_channels, side))


PRESETS = (
    Preset(
        id="sd-tiny",
        family="stable-diffusion",
        title="Stable Diffusion U-Net, tiny",
        summary="Two levels with one block each, that train on a CPU in minutes.",
        reference=LDM,
        document=partial(_document, "Stable Diffusion, tiny", TINY, "epsilon", 16),
    ),
    Preset(
        id="sd15",
        family="stable-diffusion",
        title="Stable Diffusion 1.5",
        summary="The published 860 M parameter U-Net: 8 heads in every transformer, text of 768 features.",
        reference=LDM,
        document=partial(_document, "Stable Diffusion 1.5", SD15, "epsilon", 64),
        published=859_520_964,
    ),
    Preset(
        id="sd21",
        family="stable-diffusion",
        title="Stable Diffusion 2.1",
        summary="The published 866 M parameter U-Net: heads of 64 features, text of 1024 features, v-prediction.",
        reference=LDM,
        document=partial(_document, "Stable Diffusion 2.1", SD21, "v", 96),
        published=865_910_724,
    ),
)
