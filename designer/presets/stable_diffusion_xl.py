"""SDXL base and refiner (Podell et al. 2023): deeper transformers at fewer levels, conditioned on sizes and crop."""

from functools import partial

from designer.presets import Preset
from designer.presets.graph import Json
from designer.presets.latent_conditions import SDXL, MicroConditioning
from designer.presets.latent_levels import Level
from designer.presets.latent_unet import unet
from designer.presets.latent_writer import LatentUNet
from designer.presets.stable_diffusion import training

DOC = "Predicts the noise of a noisy latent at timestep t for a text, the sizes of the image and its crop."


def network(
    channels: tuple[int, ...],
    depths: tuple[int, ...],
    context_dim: int,
    micro: MicroConditioning,
    head_dim: int = 64,
    num_blocks: int = 2,
    channels_in: int = 4,
    num_groups: int = 32,
) -> LatentUNet:
    """Return a U-Net whose levels have transformers of these depths, none where the depth is 0."""

    def level(index: int, extra: int) -> Level:
        kind = "cross" if depths[index] else "plain"
        return Level(kind, num_blocks + extra, channels[index] // head_dim, depths[index])

    return LatentUNet(
        channels,
        tuple(level(index, 0) for index in range(len(channels))),
        tuple(level(index, 1) for index in range(len(channels))),
        Level("cross", 1, channels[-1] // head_dim, max(depths)),
        context_dim,
        in_channels=channels_in,
        out_channels=channels_in,
        num_groups=num_groups,
        conditions=(micro,),
    )


BASE = network((320, 640, 1280), (0, 2, 10), 2048, MicroConditioning(1280, 6))
REFINER = network((384, 768, 1536, 1536), (0, 4, 4, 0), 1280, MicroConditioning(1280, 5))
TINY = network((32, 64), (0, 2), 32, MicroConditioning(16, 6, 8), 16, 1, 1, 8)


def _document(name: str, shape: LatentUNet, side: int) -> Json:
    return unet(shape, name, DOC, SDXL, training("epsilon", shape.in_channels, side))


PRESETS = (
    Preset(
        id="sdxl-tiny",
        family="sdxl",
        title="SDXL U-Net, tiny",
        summary="Two levels with one block each, that train on a CPU in minutes.",
        reference=SDXL,
        document=partial(_document, "SDXL, tiny", TINY, 16),
    ),
    Preset(
        id="sdxl-base",
        family="sdxl",
        title="SDXL base 1.0",
        summary="The published 2.57 B parameter U-Net: transformers of depth 2 and 10, two text encoders side by side.",
        reference=SDXL,
        document=partial(_document, "SDXL base", BASE, 128),
        published=2_567_463_684,
    ),
    Preset(
        id="sdxl-refiner",
        family="sdxl",
        title="SDXL refiner 1.0",
        summary="The published 2.26 B parameter U-Net for low noise: four levels, conditioned on an aesthetic score.",
        reference=SDXL,
        document=partial(_document, "SDXL refiner", REFINER, 128),
        published=2_259_526_660,
    ),
)
