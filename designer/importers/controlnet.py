"""Import of diffusers' ControlNetModel."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.config import Config
from designer.importers.latent_conditions import read_added, read_class, sinusoids
from designer.importers.latent_config import (
    DEFAULT_DOWN,
    DOWN_KINDS,
    NAMES,
    kinds,
    middle_level,
    read_sizes,
    read_style,
)
from designer.importers.latent_rules import weight_rules
from designer.presets.latent_conditions import TimeEmbedding
from designer.presets.latent_control import ControlNet, controlnet
from designer.presets.latent_writer import LatentUNet


def convert(config: Config) -> Imported:
    """Return the design of a ControlNet."""
    hint_channels = config.take("conditioning_embedding_out_channels", [16, 32, 96, 256], minimum=1)
    control = ControlNet(
        network=_network(config),
        hint_in=config.take("conditioning_channels", 3, minimum=1),
        hint_channels=tuple(hint_channels),
        reversed_hint=config.take("controlnet_conditioning_channel_order", "rgb", choices=("rgb", "bgr"))
        == "bgr",
        pooled=config.take("global_pool_conditions", False),
    )
    training: dict[str, Any] = {"sample_shape": [control.network.in_channels, 64, 64]}
    rules = (*_rules(control), *weight_rules(control.network))
    return Imported(controlnet(control, "ControlNetModel", training), rules)


def _network(config: Config) -> LatentUNet:
    config.refuse("encoder_hid_dim", None, "the source class keeps a projection that it never applies")
    config.refuse("encoder_hid_dim_type", None, "the source class keeps a projection that it never applies")
    config.take("upcast_attention", False)  # says where half precision is left: nothing in fp32
    config.take("use_linear_projection", False)  # a linear map of pixels is a 1×1 convolution
    config.take("layers_per_block", 2, minimum=1)  # one number for all levels
    config.take(
        "mid_block_type", "UNetMidBlock2DCrossAttn", choices=("UNetMidBlock2DCrossAttn", "UNetMidBlock2D")
    )
    heads = config.take("num_attention_heads", None, kind=(int, list, type(None)))
    sizes = read_sizes(config, "attention_head_dim" if heads is None else "num_attention_heads")
    if heads is not None:
        config.refuse("attention_head_dim", 8, "num_attention_heads is given too")
    down = kinds(config, "down_block_types", DEFAULT_DOWN, DOWN_KINDS, len(sizes.channels))
    context_dim = config.take("cross_attention_dim", 1280, minimum=1)
    order = sinusoids(config)
    time = TimeEmbedding(bool(order["cos_first"]), int(order["frequency_shift"]))
    style = read_style(config, sizes)
    conditions = read_class(config, time, "SiLU", ("timestep", "identity", "projection"))
    return LatentUNet(
        channels=sizes.channels,
        down=tuple(sizes.level(index, kind) for index, kind in enumerate(down)),
        up=(),
        mid=middle_level(config, sizes),
        context_dim=context_dim,
        in_channels=config.take("in_channels", 4, minimum=1),
        num_groups=config.take("norm_num_groups", 32, minimum=1),
        style=style,
        time=time,
        conditions=(*conditions, *read_added(config, time, context_dim, None, ("text", "text_time"))),
        mid_factor=config.take("mid_block_scale_factor", 1.0, kind=float),
        names=NAMES,
    )


def _rules(control: ControlNet) -> list[Rule]:
    """Rules of the hint encoder and of the zero convolutions, which the source numbers through all levels."""
    hint = "controlnet_cond_embedding"
    rules = [
        Rule(rf"{hint}\.(conv_in|conv_out)\.(.*)", r"hint_encoder.\1.\2"),
        Rule(r"controlnet_mid_block\.(.*)", r"zero_mid.\1"),
    ]
    for stage in range(len(control.hint_channels) - 1):
        for half in (0, 1):
            target = rf"hint_encoder.stages.{stage}.conv{half + 1}.\1"
            rules.append(Rule(rf"{hint}\.blocks\.{2 * stage + half}\.(.*)", target))
    number = 0
    for index, level in enumerate(control.network.down):
        places = ["zero_in", *(f"blocks.{block}.zero" for block in range(level.blocks))]
        for place in places:
            rules.append(Rule(rf"controlnet_down_blocks\.{number}\.(.*)", rf"down_{index}.{place}.\1"))
            number += 1
    return rules


IMPORTER = Importer(source="ControlNetModel", convert=convert)
