"""ControlNet (Zhang et al. 2023) for Stable Diffusion 1.5 and SDXL."""

from dataclasses import replace
from functools import partial

from designer.presets import Preset
from designer.presets.graph import Json
from designer.presets.latent_control import ControlNet, controlnet
from designer.presets.latent_hint import CONTROLNET
from designer.presets.latent_writer import LatentUNet
from designer.presets.stable_diffusion import SD15, TINY, training
from designer.presets.stable_diffusion_xl import BASE


def _control(
    network: LatentUNet, hint_channels: tuple[int, ...] = (16, 32, 96, 256), hint_in: int = 3
) -> ControlNet:
    return ControlNet(replace(network, up=()), hint_in, hint_channels)


def _document(name: str, control: ControlNet, side: int) -> Json:
    return controlnet(control, name, training("epsilon", control.network.in_channels, side))


PRESETS = (
    Preset(
        id="controlnet-tiny",
        family="controlnet",
        title="ControlNet, tiny",
        summary="The control network of the tiny Stable Diffusion U-Net; its hint has the size of the sample.",
        reference=CONTROLNET,
        document=partial(_document, "ControlNet, tiny", _control(TINY, (16,), 1), 16),
    ),
    Preset(
        id="controlnet-sd15",
        family="controlnet",
        title="ControlNet for Stable Diffusion 1.5",
        summary="The published 361 M parameter network: 12 residuals for the skips, one for the middle.",
        reference=CONTROLNET,
        document=partial(_document, "ControlNet for Stable Diffusion 1.5", _control(SD15), 64),
        published=361_279_120,
    ),
    Preset(
        id="controlnet-sdxl",
        family="controlnet",
        title="ControlNet for SDXL",
        summary="The published 1.25 B parameter network: 9 residuals for the skips, one for the middle.",
        reference=CONTROLNET,
        document=partial(_document, "ControlNet for SDXL", _control(BASE), 128),
        published=1_251_014_160,
    ),
)
