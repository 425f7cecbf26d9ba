"""The arguments that diffusers' conditional U-Net and ControlNet have in common, as a latent U-Net."""

from dataclasses import dataclass
from typing import Any

from designer.importers.config import Config
from designer.presets.latent_levels import Level
from designer.presets.latent_parts import Style

DOWN_KINDS = {
    "DownBlock2D": "plain",
    "CrossAttnDownBlock2D": "cross",
    "ResnetDownsampleBlock2D": "resample",
    "SimpleCrossAttnDownBlock2D": "mixed",
}
UP_KINDS = {
    name.replace("Downsample", "Upsample").replace("Down", "Up"): kind for name, kind in DOWN_KINDS.items()
}
MID_KINDS = {
    "UNetMidBlock2DCrossAttn": "cross",
    "UNetMidBlock2D": "plain",
    "UNetMidBlock2DSimpleCrossAttn": "mixed",
    None: "",
}
ACTIVATIONS = {"silu": "SiLU", "swish": "SiLU", "mish": "Mish", "gelu": "GELU", "relu": "ReLU"}
DEFAULT_DOWN = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
Depth = int | list[int]


@dataclass(frozen=True)
class Sizes:
    """What the arguments say of each level, finest first."""

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    heads: tuple[int, ...]
    depths: tuple[Depth, ...]
    only_cross: tuple[bool, ...]

    def level(self, index: int, kind: str) -> Level:
        """Return an encoder level."""
        return self._level(index, kind, self.blocks[index], self.heads[index], self.depths[index])

    def up_level(self, index: int, kind: str, depth: Depth) -> Level:
        """Return a decoder level, which has a block more.

        The source reads head sizes, unlike numbers of heads, from the finest level on where it means the coarsest.
        """
        heads = self.heads[-1 - index] if kind == "mixed" else self.heads[index]
        return self._level(index, kind, self.blocks[index] + 1, heads, depth)

    def _level(self, index: int, kind: str, blocks: int, heads: int, depth: Depth) -> Level:
        if kind == "mixed":  # attention_head_dim is the size of a head here, the number of heads elsewhere
            heads = self.channels[index] // heads
        return Level(kind, blocks, heads, _depth(depth, blocks), self.only_cross[index])


def _depth(depth: Depth, blocks: int) -> int | tuple[int, ...]:
    if isinstance(depth, int):
        return depth
    used = tuple(depth[:blocks])
    return used[0] if len(set(used)) == 1 else used


def read_sizes(config: Config, heads_argument: str) -> Sizes:
    """Return the sizes of the levels."""
    channels = config.take("block_out_channels", [320, 640, 1280, 1280], minimum=1)
    count = len(channels)
    blocks = _each(config, "layers_per_block", 2, count)
    depths = _each(config, "transformer_layers_per_block", 1, count)
    heads = _each(config, heads_argument, 8, count)
    only_cross = _each(config, "only_cross_attention", False, count)
    return Sizes(tuple(channels), tuple(blocks), tuple(heads), tuple(depths), tuple(only_cross))


def _each(config: Config, name: str, default: Any, count: int) -> list[Any]:
    """Return an argument that is one value for all levels or a list with one for each."""
    minimum = None if isinstance(default, bool) else 1
    value = config.take(name, default, kind=(type(default), list), minimum=minimum)
    if not isinstance(value, list):
        return [value] * count
    if len(value) != count:
        config.fail(name, value, f"expected a number for each of the {count} levels of block_out_channels")
    return value


def kinds(config: Config, name: str, default: list[str], known: dict[str, str], count: int) -> list[str]:
    """Return the kind of each level, in the order of the argument."""
    types = config.take(name, default)
    if len(types) != count:
        config.fail(name, types, f"expected a block for each of the {count} levels of block_out_channels")
    found = [str(one).removeprefix("UNetRes") for one in types]
    for one in found:
        if one not in known:
            config.fail(name, one, f"supported are {', '.join(known)}")
    return [known[one] for one in found]


def middle_level(config: Config, sizes: Sizes, only_cross: bool = False) -> Level | None:
    """Return the bottleneck; `only_cross` is that of its "mixed" kind, the other one looks at its pixels too."""
    kind = MID_KINDS[
        config.take("mid_block_type", "UNetMidBlock2DCrossAttn", tuple(MID_KINDS), (str, type(None)))
    ]
    level = sizes.level(len(sizes.channels) - 1, kind)
    depth = level.depth[0] if isinstance(level.depth, tuple) else level.depth
    return Level(kind, 1, level.heads, depth, only_cross and kind == "mixed") if kind else None


def read_style(config: Config, sizes: Sizes, **fields: Any) -> Style:
    """Return what the residual blocks have in common; `fields` come from arguments of one class only."""
    padding = config.take("downsample_padding", 1, choices=(0, 1))
    modulation = config.take("resnet_time_scale_shift", "default", choices=("default", "scale_shift"))
    return Style(
        act=ACTIVATIONS[config.take("act_fn", "silu", choices=tuple(ACTIVATIONS))],
        eps=config.take("norm_eps", 1e-5, kind=float),
        modulate=modulation == "scale_shift",
        asymmetric=padding == 0,
        linear_heads=all(
            channels % heads == 0 for channels, heads in zip(sizes.channels, sizes.heads, strict=True)
        ),
        **fields,
    )


NAMES = {
    "x": "sample",
    "t": "timestep",
    "context": "encoder_hidden_states",
    "hint": "controlnet_cond",
    "y": "class_labels",
    "guidance": "timestep_cond",
    "pooled": "text_embeds",
    "image": "image_embeds",
    "ids": "time_ids",
    "hint_image": "hint",
}
