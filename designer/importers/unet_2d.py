"""Import of diffusers' UNet2DModel: DDPM, ADM-like and NCSN++ networks, and mixtures of their levels."""

from designer.importers import Imported, Importer
from designer.importers.config import Config
from designer.importers.pixel_config import ROOT, Arguments, read_levels
from designer.importers.pixel_rules import weight_rules
from designer.presets.graph import Json, integer
from designer.presets.pixel_parts import ADAPTIVE, SHARED, Style
from designer.presets.pixel_unet import Level, Mid, PixelUNet, multiple, unet

SOURCE = "Ho et al. 2020, arXiv:2006.11239; Dhariwal & Nichol 2021, arXiv:2105.05233; Song et al. 2020, arXiv:2011.13456"
DOC = "A U-Net on pixels, from the configuration of a UNet2DModel."
ACTIVATIONS = {"silu": "SiLU", "swish": "SiLU", "mish": "Mish", "gelu": "GELU", "relu": "ReLU"}


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
        weight_rules(net, one.layers),
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


IMPORTER = Importer(source="UNet2DModel", convert=convert)
