"""Stable Diffusion with what is attached to it: ControlNet and T2I-Adapter beside it, or inputs for theirs."""

from dataclasses import replace
from functools import partial

from designer.presets import Preset
from designer.presets.latent_assembled import (
    adapted_unet,
    controlled_unet,
    unet_with_adapter_inputs,
    unet_with_control_inputs,
)
from designer.presets.latent_control import ControlNet
from designer.presets.latent_hint import CONTROLNET
from designer.presets.stable_diffusion import SD15, network, training
from designer.presets.t2i_adapter import T2I

TINY = network((32, 64), (2, 2), 32, 2, in_channels=1, out_channels=1, num_groups=8)
SMALL, FULL = training("epsilon", 1, 16), training("epsilon", 4, 64)
ADAPTING = {**FULL, "frozen": ["UNet"]}  # the published networks were trained beside a frozen U-Net
MOVING = {**ADAPTING, "moves_base": True}  # the adapter's last convolution starts as torch starts it


def _control(tiny: bool) -> ControlNet:
    if tiny:
        return ControlNet(replace(TINY, up=()), 1, (16, 32))
    return ControlNet(replace(SD15, up=()))


PRESETS = (
    Preset(
        id="sd-controlnet-tiny",
        family="stable-diffusion-attached",
        title="Stable Diffusion with ControlNet, tiny",
        summary="The tiny U-Net and its control network in one design, that trains on a CPU in minutes.",
        reference=CONTROLNET,
        document=partial(
            controlled_unet, TINY, _control(True), "Stable Diffusion with ControlNet, tiny", SMALL
        ),
    ),
    Preset(
        id="sd15-controlnet",
        family="stable-diffusion-attached",
        title="Stable Diffusion 1.5 with ControlNet",
        summary="Both published networks in one design, joined level by level with a strength.",
        reference=CONTROLNET,
        document=partial(
            controlled_unet, SD15, _control(False), "Stable Diffusion 1.5 with ControlNet", ADAPTING
        ),
        published=859_520_964 + 361_279_120,
    ),
    Preset(
        id="sd-control-inputs-tiny",
        family="stable-diffusion-attached",
        title="Stable Diffusion with ControlNet residual inputs, tiny",
        summary="The tiny U-Net with an input for each residual of a ControlNet.",
        reference=CONTROLNET,
        document=partial(unet_with_control_inputs, TINY, "Stable Diffusion with control inputs, tiny", SMALL),
    ),
    Preset(
        id="sd15-control-inputs",
        family="stable-diffusion-attached",
        title="Stable Diffusion 1.5 with ControlNet residual inputs",
        summary="The published U-Net with inputs for the 12 residuals of its skips and the one of its middle.",
        reference=CONTROLNET,
        document=partial(unet_with_control_inputs, SD15, "Stable Diffusion 1.5 with control inputs", FULL),
        published=859_520_964,
    ),
    Preset(
        id="sd-adapter-tiny",
        family="stable-diffusion-attached",
        title="Stable Diffusion with T2I-Adapter, tiny",
        summary="The tiny U-Net and a T2I-Adapter in one design, that trains on a CPU in minutes.",
        reference=T2I,
        document=partial(adapted_unet, TINY, 1, 2, "Stable Diffusion with T2I-Adapter, tiny", SMALL, 1),
    ),
    Preset(
        id="sd15-adapter",
        family="stable-diffusion-attached",
        title="Stable Diffusion 1.5 with T2I-Adapter",
        summary="Both published networks in one design: the adapter's maps join the encoder's levels.",
        reference=T2I,
        document=partial(adapted_unet, SD15, 2, 8, "Stable Diffusion 1.5 with T2I-Adapter", MOVING),
        published=859_520_964 + 77_369_280,
    ),
    Preset(
        id="sd-adapter-inputs-tiny",
        family="stable-diffusion-attached",
        title="Stable Diffusion with T2I-Adapter map inputs, tiny",
        summary="The tiny U-Net with an input for each map of an adapter.",
        reference=T2I,
        document=partial(unet_with_adapter_inputs, TINY, "Stable Diffusion with adapter inputs, tiny", SMALL),
    ),
    Preset(
        id="sd15-adapter-inputs",
        family="stable-diffusion-attached",
        title="Stable Diffusion 1.5 with T2I-Adapter map inputs",
        summary="The published U-Net with an input for each of the four maps of an adapter.",
        reference=T2I,
        document=partial(unet_with_adapter_inputs, SD15, "Stable Diffusion 1.5 with adapter inputs", FULL),
        published=859_520_964,
    ),
)
