"""Improved DDPM (Nichol & Dhariwal 2021) and ADM (Dhariwal & Nichol 2021): the time embedding scales and shifts.

One family: Improved DDPM resamples by convolutions and counts heads; ADM resamples within residual blocks, as
BigGAN does, and attends with heads of 64 channels at 32×32, 16×16 and 8×8.
"""

from dataclasses import dataclass
from functools import partial

from designer.presets import Preset
from designer.presets.graph import Json, integer
from designer.presets.pixel_parts import SHARED, Style
from designer.presets.pixel_unet import Level, PixelUNet, multiple, unet

IDDPM = "Nichol & Dhariwal 2021, arXiv:2102.09672"
ADM = "Dhariwal & Nichol 2021, arXiv:2105.05233"


@dataclass(frozen=True)
class Size:
    """A published network: `heads` is their number, `head_dim` their channels; one of the two is given."""

    image: int
    channels: int
    multipliers: tuple[float, ...]
    blocks: int
    attention: tuple[int, ...]  # resolutions
    num_classes: int = 1000
    heads: int = 0
    head_dim: int = 0
    legacy: bool = True  # channels of attention run [head][qkv][channel]
    updown: bool = True  # resample within residual blocks
    dropout: float = 0.0
    schedule: str = "linear"
    in_channels: int = 3
    num_groups: int = 32


def parameters(size: Size, heads: str) -> Json:
    """Return the parameters of the design; `heads` names the one that says how attention is split."""
    found = {
        "in_channels": integer("channels of the image", size.in_channels),
        "out_channels": integer("channels of the prediction: noise and variance", 2 * size.in_channels),
        "channels": integer("channels that the levels multiply", size.channels),
        "num_blocks": integer("residual blocks a level", size.blocks, 1, 16),
        "num_groups": integer("groups of the normalisations", size.num_groups),
        "dropout": {**SHARED["dropout"], "default": size.dropout},
        heads: {**SHARED[heads], "default": size.heads or size.head_dim},
    }
    return found | ({"num_classes": integer("classes", size.num_classes)} if size.num_classes else {})


def adm(size: Size) -> Json:
    """Return the document of one size."""
    reference = ADM if size.updown else IDDPM
    heads = "num_heads" if size.heads else "head_dim"
    style = Style(
        reference,
        shared=("num_groups", "dropout", heads),
        eps=1e-5,
        modulate=True,
        heads="num_heads" if size.heads else "{c}//head_dim",
        order="MapHeadsLegacy" if size.legacy else "MapHeads",
        resamples=size.updown,
    )
    down, up = ("res", "res") if size.updown else ("strided", "conv")
    levels = tuple(
        Level(multiple(factor), down, up, attention=size.image >> index in size.attention)
        for index, factor in enumerate(size.multipliers)
    )
    net = PixelUNet(
        style,
        levels,
        parameters(size, heads),
        embed=("TimestepEmbedding", {"dim": "channels", "cos_first": True}),
        classes="table" if size.num_classes else "",
        width=levels[0].channels,
    )
    training = {
        "prediction": "epsilon", "schedule": size.schedule, "timesteps": 1000, "learned_sigma": True,
        **({"num_classes": size.num_classes} if size.num_classes else {}),
        "sample_shape": [size.in_channels, size.image, size.image],
    }  # fmt: skip
    name = "ADM" if size.updown else "Improved DDPM"
    given = " for class y" if size.num_classes else ""
    return unet(
        net, name, f"The U-Net of {name}: predicts noise and variance of x at timestep t{given}.", training
    )


_TINY = Size(16, 32, (1, 2), 1, (8,), 10, head_dim=16, in_channels=1, num_groups=8)
_IDDPM = partial(
    Size,
    image=64,
    multipliers=(1, 2, 3, 4),
    blocks=3,
    attention=(16, 8),
    heads=4,
    updown=False,
    schedule="cosine",
)

_SIZES = (
    ("iddpm-tiny", "Improved DDPM, tiny (16×16 digits)", None,
     Size(16, 32, (1, 2), 1, (8,), 0, heads=4, updown=False, schedule="cosine", in_channels=1, num_groups=8)),
    ("iddpm-imagenet64", "Improved DDPM, ImageNet 64×64", 121_063_942, _IDDPM(channels=128, num_classes=0)),
    ("iddpm-imagenet64-class", "Improved DDPM, ImageNet 64×64, class-conditional", 273_049_350, _IDDPM(channels=192)),
    ("adm-tiny", "ADM, tiny (16×16 digits)", None, _TINY),
    ("adm-imagenet64", "ADM, ImageNet 64×64", 295_904_454,
     Size(64, 192, (1, 2, 3, 4), 3, (32, 16, 8), head_dim=64, legacy=False, dropout=0.1, schedule="cosine")),
    ("adm-imagenet128", "ADM, ImageNet 128×128", 421_529_606,
     Size(128, 256, (1, 1, 2, 3, 4), 2, (32, 16, 8), heads=4)),
    ("adm-imagenet256", "ADM, ImageNet 256×256", 553_838_086,
     Size(256, 256, (1, 1, 2, 2, 4, 4), 2, (32, 16, 8), head_dim=64)),
    ("adm-imagenet512", "ADM, ImageNet 512×512", 558_997_638,
     Size(512, 256, (0.5, 1, 1, 2, 2, 4, 4), 2, (32, 16, 8), head_dim=64)),
)  # fmt: skip

PRESETS = tuple(
    Preset(
        id=name,
        family="adm" if size.updown else "iddpm",
        title=title,
        summary=f"{len(size.multipliers)} levels from {size.image}×{size.image}, {size.blocks} blocks each, attention at "
        f"{', '.join(f'{side}×{side}' for side in size.attention)}; noise and variance"
        + (", class-conditional." if size.num_classes else "."),
        reference=ADM if size.updown else IDDPM,
        document=partial(adm, size),
        published=count,
    )
    for name, title, count, size in _SIZES
)
