"""The arguments of UNet2DModel that shape its levels, read and checked against each other."""

import math
from dataclasses import dataclass
from typing import Any

from designer.importers.config import Config

# How each type of level ends ("attn": as downsample_type or upsample_type says), and whether it attends.
DOWN = {
    "DownBlock2D": ("conv", False),
    "AttnDownBlock2D": ("attn", True),
    "ResnetDownsampleBlock2D": ("res", False),
    "SkipDownBlock2D": ("skip", False),
    "AttnSkipDownBlock2D": ("skip", True),
}
UP = {name.replace("Downsample", "Upsample").replace("Down", "Up"): value for name, value in DOWN.items()}
ROOT = 1 / math.sqrt(2)
Kind = tuple[str, bool]


@dataclass(frozen=True)
class Arguments:
    """The arguments that shape the levels, finest level first."""

    channels: list[int]
    down: list[Kind]
    up: list[Kind]
    layers: int
    groups: int | None
    head_dim: int | None
    dropout: float
    mid: bool
    mid_attention: bool
    mid_groups: int | None
    mid_factor: float
    scale_shift: bool

    @property
    def skips(self) -> int:
        """How many levels, down and up, are those of NCSN++."""
        return sum(kind == "skip" for kind, _ in (*self.down, *self.up))

    @property
    def mixed(self) -> bool:
        """Whether blocks of both ways to count groups occur."""
        plain = self.skips < 2 * len(self.channels) or (self.mid and self.groups is not None)
        return self.skips > 0 and plain

    @property
    def scales(self) -> set[float]:
        """The factors of residual sums that occur."""
        found = {self.scale(kind) for kind, _ in (*self.down, *self.up)}
        return found | ({self.mid_scale} if self.mid else set())

    def scale(self, kind: str) -> float:
        """The factor of residual sums in a level."""
        return ROOT if kind == "skip" else 1.0

    @property
    def mid_scale(self) -> float:
        """The factor of residual sums in the bottleneck."""
        scale = 1 / self.mid_factor
        return ROOT if math.isclose(scale, ROOT, rel_tol=1e-12) else scale

    @property
    def attending(self) -> set[int]:
        """The channels of maps that attend."""
        pairs = zip((*self.down, *self.up), (*self.channels, *self.channels), strict=True)
        found = {channels for (_, attends), channels in pairs if attends}
        return found | ({self.channels[-1]} if self.mid and self.mid_attention else set())

    @property
    def skip_groups(self) -> bool:
        """Whether an attentive decoder level of NCSN++ counts the groups of a block in its own way."""
        for index, level in enumerate(self.up):
            if level != ("skip", True):
                continue
            out, below = self.channels[index], self.channels[min(index + 1, len(self.channels) - 1)]
            skips = [out] * self.layers + [self.channels[max(index - 1, 0)]]
            for block, skip in enumerate(skips):
                inside = out if block else below
                if min(inside + skip // 4, 32) != min((inside + skip) // 4, 32):
                    return True
        return False


def read_levels(config: Config) -> Arguments:
    """Return the arguments that shape the levels. Raises UserError for those that fit no network."""
    channels = config.take("block_out_channels", [224, 448, 672, 896], minimum=1)
    down = config.take("down_block_types", ["DownBlock2D"] + ["AttnDownBlock2D"] * 3)
    up = config.take("up_block_types", ["AttnUpBlock2D"] * 3 + ["UpBlock2D"])
    for name, value in (("down_block_types", down), ("up_block_types", up)):
        if len(value) != len(channels) or not channels:
            config.fail(
                name, value, f"one entry is expected for each of the {len(channels)} block_out_channels"
            )
    down_kind = config.take("downsample_type", "conv", ("conv", "resnet"))
    up_kind = config.take("upsample_type", "conv", ("conv", "resnet"))
    shift = config.take("resnet_time_scale_shift", "default", ("default", "scale_shift"))
    kinds = str, type(None)
    arguments = Arguments(
        channels=channels,
        down=[_kind(config, "down_block_types", one, DOWN, down_kind) for one in down],
        up=[_kind(config, "up_block_types", one, UP, up_kind) for one in reversed(up)],
        layers=config.take("layers_per_block", 2, minimum=1),
        groups=config.take("norm_num_groups", 32, kind=(int, type(None)), minimum=1),
        head_dim=config.take("attention_head_dim", 8, kind=(int, type(None)), minimum=1),
        dropout=config.take("dropout", 0.0, kind=float, minimum=0),
        mid=config.take("mid_block_type", "UNetMidBlock2D", ("UNetMidBlock2D", None), kind=kinds) is not None,
        mid_attention=config.take("add_attention", True),
        mid_groups=config.take("attn_norm_num_groups", None, kind=(int, type(None)), minimum=1),
        mid_factor=config.take("mid_block_scale_factor", 1.0, kind=float),
        scale_shift=shift == "scale_shift",
    )
    _check(config, arguments)
    return arguments


def _kind(config: Config, argument: str, name: Any, table: dict[str, Kind], attentive: str) -> Kind:
    known = str(name).removeprefix("UNetRes")
    if known not in table:
        config.fail(argument, name, f"the levels that this class can run are {', '.join(table)}")
    kind, attends = table[known]
    return ({"conv": "conv", "resnet": "res"}[attentive] if kind == "attn" else kind), attends


def _check(config: Config, one: Arguments) -> None:
    """Refuse what the source class itself cannot build or run."""
    if one.groups is None and one.skips < 2 * len(one.channels):
        config.fail(
            "norm_num_groups", None, "only networks of Skip levels alone choose their groups themselves"
        )
    if one.mid_factor == 0:
        config.fail("mid_block_scale_factor", 0, "residual sums are divided by it")
    for argument, levels, order in (
        (
            "down_block_types",
            one.down[:-1],
            "Skip levels must come first: they halve the image beside the trunk",
        ),
        ("up_block_types", one.up, "Skip levels must come last: they double the image beside the trunk"),
    ):
        found = [kind == "skip" for kind, _ in levels]
        if found != sorted(found, reverse=True):
            config.fail(argument, [kind for kind, _ in levels], order)
    if one.head_dim is not None and any(channels < one.head_dim for channels in one.attending):
        config.fail(
            "attention_head_dim", one.head_dim, f"a map of {min(one.attending)} channels has no such head"
        )
