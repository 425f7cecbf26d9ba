"""Import of diffusers' UNet2DModel: DDPM, ADM-like and NCSN++ networks, and mixtures of their levels."""

import math
import re
from dataclasses import dataclass
from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.config import Config
from designer.presets.graph import Json, integer
from designer.presets.pixel_parts import ADAPTIVE, SHARED, Style
from designer.presets.pixel_unet import Level, Mid, PixelUNet, multiple, unet

SOURCE = "Ho et al. 2020, arXiv:2006.11239; Dhariwal & Nichol 2021, arXiv:2105.05233; Song et al. 2020, arXiv:2011.13456"
DOC = "A U-Net on pixels, from the configuration of a UNet2DModel."
# How each type of level ends ("attn": as downsample_type or upsample_type says), and whether it attends.
DOWN = {
    "DownBlock2D": ("conv", False),
    "AttnDownBlock2D": ("attn", True),
    "ResnetDownsampleBlock2D": ("res", False),
    "SkipDownBlock2D": ("skip", False),
    "AttnSkipDownBlock2D": ("skip", True),
}
UP = {name.replace("Downsample", "Upsample").replace("Down", "Up"): value for name, value in DOWN.items()}
ACTIVATIONS = {"silu": "SiLU", "swish": "SiLU", "mish": "Mish", "gelu": "GELU", "relu": "ReLU"}
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


def style_of(config: Config, one: Arguments) -> Style:
    """Return what all blocks have in common."""
    act = config.take("act_fn", "silu")
    if act.lower() not in ACTIVATIONS:
        config.fail("act_fn", act, f"expected one of {', '.join(ACTIVATIONS)}")
    fixed = "num_groups if num_groups > 0 else " if one.mixed else ""
    heads = one.head_dim is not None and bool(one.attending)
    scales = one.scales
    shared = {
        "num_groups": one.mixed or not one.skips,
        "dropout": one.dropout > 0,
        "head_dim": heads,
        "output_scale": len(scales) > 1,
    }
    whole = not heads or all(channels % (one.head_dim or 1) == 0 for channels in one.attending)
    return Style(
        SOURCE,
        shared=tuple(name for name, used in shared.items() if used),
        eps=config.take("norm_eps", 1e-5, kind=float),
        act=ACTIVATIONS[act.lower()],
        modulate=one.scale_shift,
        groups=fixed + ADAPTIVE if one.skips else "num_groups",
        attn_groups=f"{fixed}32" if one.mixed else "num_groups",
        heads="{c}//head_dim" if heads else "1",
        inner="channels" if whole else "num_heads*head_dim",
        output_scale="output_scale" if len(scales) > 1 else _factor(scales.pop()),
        resamples=any(kind in ("res", "skip") for kind, _ in (*one.down, *one.up)),
        project=("FIRDownsample", "FIRUpsample") if one.skips else (),
        skip_groups=one.skip_groups,
    )


def _factor(scale: float) -> float | str:
    return "1/sqrt(2)" if scale == ROOT else scale


def levels_of(config: Config, one: Arguments, style: Style) -> tuple[Level, ...]:
    """Return the levels, finest first."""
    padding = config.take("downsample_padding", 1, (0, 1))

    def values(kind: str) -> Json:
        found: Json = {"num_groups": 0} if one.mixed and kind == "skip" else {}
        return found | ({"output_scale": _factor(one.scale(kind))} if "output_scale" in style.shared else {})

    return tuple(
        Level(
            width(channels, one.channels[0]),
            "strided" if down == "conv" and padding else down,
            up,
            attention=attends,
            up_attention=up_attends,
            late=up == "skip",
            padding=padding,
            values=values(down),
            up_values=values(up),
        )
        for channels, (down, attends), (up, up_attends) in zip(one.channels, one.down, one.up, strict=True)
    )


def width(channels: int, first: int) -> str | int:
    """Return channels as a multiple of those of the first level, where they are one."""
    return channels if channels % first else multiple(channels // first)


def mid_of(one: Arguments, style: Style) -> Mid | None:
    """Return the bottleneck."""
    if not one.mid:
        return None
    normalised = one.mid_groups is not None or not one.scale_shift
    groups = one.mid_groups
    if groups is None and one.skips:
        groups = one.groups or min(one.channels[-1] // 4, 32)
    values = {"output_scale": _factor(one.mid_scale)} if "output_scale" in style.shared else {}
    return Mid(one.mid_attention, normalised, groups, values)


def embedding_of(config: Config, first: int) -> Json:
    """Return how the timestep is embedded, as fields of the network."""
    kind = config.take("time_embedding_type", "positional", ("positional", "fourier", "learned"))
    cos_first = config.take("flip_sin_to_cos", True)
    shift = config.take("freq_shift", 0, kind=float)
    steps = config.take("num_train_timesteps", None, kind=(int, type(None)), minimum=1)
    if kind == "fourier":
        embed = ("GaussianFourier", {"dim": "2*channels"})
        return {"embed": embed, "embed_port": "sigma", "time_role": "sigma", "divide": True}
    if kind == "learned":
        if steps is None:
            config.fail("num_train_timesteps", steps, "a learned embedding needs the number of timesteps")
        table = {"num_embeddings": steps, "embedding_dim": "channels"}
        return {"embed": ("Embedding", table), "embed_port": "index", "time_dtype": "int64"}
    if shift not in (0, 1):
        config.fail("freq_shift", shift, "only 0 and 1 are supported")
    if first % 2:
        config.fail(
            "block_out_channels",
            first,
            "sines and cosines of the timestep need even channels in the first level",
        )
    return {
        "embed": (
            "TimestepEmbedding",
            {"dim": "channels", "cos_first": cos_first, "frequency_shift": int(shift)},
        )
    }


def classes_of(config: Config) -> tuple[str, int]:
    """Return how classes come in and how many there are."""
    kind = config.take("class_embed_type", None, ("timestep", "identity", None), kind=(str, type(None)))
    count = config.take("num_class_embeds", None, kind=(int, type(None)), minimum=1)
    if kind is None:
        return ("table", count) if count is not None else ("", 0)
    return {"timestep": "timestep", "identity": "vector"}[kind], 0


def convert(config: Config) -> Imported:
    """Return the design of a U-Net on pixels."""
    one = read_levels(config)
    style = style_of(config, one)
    first = one.channels[0]
    classes, count = classes_of(config)
    in_channels = config.take("in_channels", 3, minimum=1)
    out_channels = config.take("out_channels", 3, minimum=1)
    _check_image(config, one, in_channels, out_channels)
    parameters: Json = {
        "in_channels": integer("channels of the image", in_channels),
        "out_channels": integer("channels of the prediction", out_channels),
        "channels": integer("channels of the first level", first),
        "num_blocks": integer("residual blocks of an encoder level", one.layers),
    }
    given = {
        "num_groups": one.groups,
        "dropout": one.dropout,
        "head_dim": one.head_dim,
    }
    parameters |= {name: {**SHARED[name], "default": given[name]} for name in style.shared if name in given}
    if classes == "table":
        parameters["num_classes"] = integer("classes", count)
    net = PixelUNet(
        style,
        levels_of(config, one, style),
        parameters,
        temb=config.take("time_embedding_dim", None, kind=(int, type(None)), minimum=0) or "4*channels",
        classes=classes,
        mid=mid_of(one, style),
        centred=config.take("center_input_sample", False),
        norm_out="num_groups" if "num_groups" in style.shared else str(one.groups or min(first // 4, 32)),
        names={"x": "sample", "t": "timestep", "y": "class_labels"},
        **embedding_of(config, first),
    )
    return Imported(
        unet(net, "UNet2DModel", DOC, _training(config, in_channels, out_channels, count, net.divide)),
        weight_rules(one, net),
    )


def _check_image(config: Config, one: Arguments, in_channels: int, out_channels: int) -> None:
    """The levels of NCSN++ add images of three channels."""
    if in_channels != 3 and any(kind == "skip" for kind, _ in one.down[:-1]):
        config.fail("in_channels", in_channels, "Skip levels read an image of 3 channels beside the trunk")
    if out_channels != 3 and any(kind == "skip" for kind, _ in one.up[1:]):
        config.fail("out_channels", out_channels, "Skip levels draw an image of 3 channels beside the trunk")


def _training(config: Config, in_channels: int, out_channels: int, classes: int, score: bool) -> Json:
    size = config.take("sample_size", None, kind=(int, list, type(None)))
    training: Json = (
        {"prediction": "score", "schedule": "ve"}
        if score
        else {"prediction": "epsilon", "schedule": "linear", "timesteps": 1000}
    )
    if size is not None:
        training["sample_shape"] = [in_channels, *(size if isinstance(size, list) else [size, size])]
    if out_channels == 2 * in_channels:
        training["learned_sigma"] = True
    elif out_channels != in_channels:
        training["conditioning_channels"] = in_channels - out_channels
    return training | ({"num_classes": classes} if classes else {})


# -- weights ----------------------------------------------------------------------------------------------

_RESIDUAL = (
    (r"(norm1|norm2|conv1|conv2)\.(.*)", r"\1.\2"),
    (r"time_emb_proj\.(.*)", r"temb_proj.\1"),
    (r"conv_shortcut\.(.*)", r"shortcut.\1"),
)
# Checkpoints from before diffusers 0.18 name the parts of attention differently.
_ATTENTION = (
    (r"group_norm\.(.*)", r"norm.\1", None),
    (r"(?:to_q|query)\.(.*)", r"qkv.\1", (0, 3)),
    (r"(?:to_k|key)\.(.*)", r"qkv.\1", (1, 3)),
    (r"(?:to_v|value)\.(.*)", r"qkv.\1", (2, 3)),
    (r"(?:to_out\.0|proj_attn)\.(.*)", r"proj.\1", None),
)


def _residual(source: str, target: str) -> list[Rule]:
    return [Rule(re.escape(source) + pattern, target + name) for pattern, name in _RESIDUAL]


def _attention(source: str, target: str) -> list[Rule]:
    return [Rule(re.escape(source) + pattern, target + name, part) for pattern, name, part in _ATTENTION]


def weight_rules(one: Arguments, net: PixelUNet) -> tuple[Rule, ...]:
    """Return where the tensors of the source belong."""
    rules = [
        Rule(r"time_embedding\.linear_([12])\.(.*)", r"time_mlp.fc\1.\2"),
        Rule(r"class_embedding\.linear_([12])\.(.*)", r"class_mlp.fc\1.\2"),
        Rule(r"class_embedding\.weight", "class_embed.weight"),
        Rule(r"time_proj\.weight", "embed.frequencies" if net.divide else "embed.weight"),
        Rule(r"conv_norm_out\.(.*)", r"norm_out.\1"),
    ]
    last = len(one.channels) - 1
    for index, level in enumerate(net.levels):
        rules += _down_rules(f"down_blocks.{index}.", f"down_{index}.", level, one.layers)
        rules += _up_rules(f"up_blocks.{last - index}.", f"up_{index}.", level, one.layers + 1)
    rules += _residual("mid_block.resnets.0.", "mid.res1.") + _residual("mid_block.resnets.1.", "mid.res2.")
    return (*rules, *_attention("mid_block.attentions.0.", "mid.attn."))


def _down_rules(source: str, target: str, level: Level, blocks: int) -> list[Rule]:
    rules = []
    for block in range(blocks):
        rules += _residual(f"{source}resnets.{block}.", f"{target}blocks.{block}.res.")
        rules += _attention(f"{source}attentions.{block}.", f"{target}blocks.{block}.attn.")
    conv = "down.conv." if level.down == "conv" else "down."
    resampler = "resnet_down." if level.down == "skip" else "downsamplers.0."
    return [
        *rules,
        Rule(re.escape(source) + r"downsamplers\.0\.conv\.(.*)", target + conv + r"\1"),
        *_residual(source + resampler, f"{target}down."),
        Rule(re.escape(source) + r"skip_conv\.(.*)", target + r"from_image.\1"),
    ]


def _up_rules(source: str, target: str, level: Level, blocks: int) -> list[Rule]:
    rules = []
    for block in range(blocks):
        inside = f"{target}blocks.{block}.block."
        rules += _residual(f"{source}resnets.{block}.", inside if level.late else f"{inside}res.")
        rules += _attention(
            f"{source}attentions.{block}.", f"{target}attn." if level.late else f"{inside}attn."
        )
    resampler = "resnet_up." if level.up == "skip" else "upsamplers.0."
    return [
        *rules,
        Rule(re.escape(source) + r"upsamplers\.0\.conv\.(.*)", target + r"up.conv.\1"),
        *_residual(source + resampler, f"{target}up."),
        Rule(re.escape(source) + r"skip_conv\.(.*)", target + r"to_image.\1"),
        Rule(re.escape(source) + r"skip_norm\.(.*)", target + r"image_norm.\1"),
    ]


IMPORTER = Importer(source="UNet2DModel", convert=convert)
