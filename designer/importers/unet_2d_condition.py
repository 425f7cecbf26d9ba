"""Import of diffusers' UNet2DConditionModel."""

from typing import Any

from designer.importers import Imported, Importer
from designer.importers.config import Config
from designer.importers.latent_config import (
    DEFAULT_DOWN,
    DOWN_KINDS,
    NAMES,
    UP_KINDS,
    kinds,
    middle_level,
    read_added,
    read_sizes,
    read_style,
    read_time,
)
from designer.importers.latent_rules import weight_rules
from designer.presets.latent_unet import LatentUNet, unet

DEFAULT_UP = [name.replace("Down", "Up") for name in reversed(DEFAULT_DOWN)]


def convert(config: Config) -> Imported:
    """Return the design of a conditional U-Net."""
    network = read(config)
    side = config.take("sample_size", None, kind=(int, list, type(None)))
    height, width = (side, side) if isinstance(side, int) else side or (64, 64)
    training: dict[str, Any] = {
        "prediction": "epsilon",
        "schedule": "linear",
        "timesteps": 1000,
        "sample_shape": [network.in_channels, height, width],
    }
    if network.in_channels > network.out_channels:
        training["conditioning_channels"] = network.in_channels - network.out_channels
    doc = "A latent U-Net with cross-attention, from the configuration of a UNet2DConditionModel."
    return Imported(unet(network, "UNet2DConditionModel", doc, training=training), weight_rules(network))


def read(config: Config) -> LatentUNet:
    """Return the network that the arguments describe."""
    config.refuse(
        "num_attention_heads", None, "the source class refuses it too; heads are given by attention_head_dim"
    )
    sizes = read_sizes(config, "attention_head_dim")
    count = len(sizes.channels)
    down = kinds(config, "down_block_types", DEFAULT_DOWN, DOWN_KINDS, count)
    up = kinds(config, "up_block_types", DEFAULT_UP, UP_KINDS, count)[::-1]
    reverse = config.take("reverse_transformer_layers_per_block", None, kind=(list, type(None)))
    depths = sizes.depths if reverse is None else tuple(reverse[::-1])
    context_dim = config.take("cross_attention_dim", 1280, minimum=1)
    time = read_time(config)
    config.take("upcast_attention", False)  # says where half precision is left; nothing in fp32
    config.take("use_linear_projection", False)  # a linear map of pixels is a 1×1 convolution
    return LatentUNet(
        channels=sizes.channels,
        down=tuple(sizes.level(index, kind) for index, kind in enumerate(down)),
        up=tuple(sizes.level(index, kind, 1, depths[index]) for index, kind in enumerate(up)),
        mid=middle_level(config, sizes),
        context_dim=context_dim,
        in_channels=config.take("in_channels", 4, minimum=1),
        out_channels=config.take("out_channels", 4, minimum=1),
        num_groups=config.take("norm_num_groups", 32, minimum=1),
        style=read_style(config, sizes),
        time=time,
        conditions=tuple(read_added(config, time, context_dim)),
        mid_factor=config.take("mid_block_scale_factor", 1.0, kind=float),
        names=NAMES,
    )


IMPORTER = Importer(source="UNet2DConditionModel", convert=convert)
