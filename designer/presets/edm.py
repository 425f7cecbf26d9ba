"""EDM on CIFAR-10 (Karras et al. 2022): the networks DDPM++ and NCSN++ of score_sde, preconditioned."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.pixel_parts import ADAPTIVE, SHARED, Parts, Style
from designer.presets.pixel_unet import (
    Level,
    Mid,
    bottleneck,
    decoder,
    document,
    embedding_mlp,
    encoder,
    multiple,
)

REFERENCE = "Karras et al. 2022, arXiv:2206.00364"
NUMBER = {"type": "float", "default": 0.5, "min": 0, "help": "standard deviation of the data"}


@dataclass(frozen=True)
class Size:
    """A network: `filtered` resamples with a filter and reads the image beside the trunk (NCSN++).

    The published networks are told how an image was augmented, by nine numbers (zeros when sampling); without
    classes they are the unconditional ones.
    """

    filtered: bool
    channels: int = 128
    multipliers: tuple[int, ...] = (2, 2, 2)
    blocks: int = 4
    attention: tuple[int, ...] = (1,)
    image_channels: int = 3
    num_classes: int = 0
    augment_dim: int = 9
    image: int = 32
    dropout: float = 0.13


def style(size: Size) -> Style:
    """Return what all blocks have in common."""
    return Style(
        REFERENCE,
        shared=("dropout",),
        groups=ADAPTIVE,
        attn_groups=ADAPTIVE,
        order="MapHeadsInterleaved",
        output_scale="1/sqrt(2)",
        init="xavier_uniform",
        resamples=True,
        project=("FIRDownsample", "FIRUpsample") if size.filtered else ("AvgPool2d", "UpsampleNearest"),
    )


def parameters(size: Size) -> Json:
    """Return the parameters of the design."""
    found = {
        "image_channels": integer("channels of the image", size.image_channels),
        "channels": integer("channels that the levels multiply", size.channels),
        "num_blocks": integer("residual blocks of an encoder level", size.blocks, 1, 16),
        "dropout": {**SHARED["dropout"], "default": size.dropout},
    }
    return found | ({"num_classes": integer("classes", size.num_classes)} if size.num_classes else {})


def conditions(size: Size) -> list[Json]:
    """Return the inputs beside image and noise level."""
    y = port("y", "class", "B", dtype="int64", help="class label; num_classes means none")
    augment = port(
        "augment", "vector", f"B {size.augment_dim}", help="how the image was augmented; zeros: not at all"
    )
    return [*([y] if size.num_classes else []), *([augment] if size.augment_dim else [])]


def network(size: Size, parts: Parts) -> Json:
    """Return the network inside the preconditioning."""
    graph = Graph()
    temb = _embedding(graph, parts, size)
    declared = {**parameters(size), "image_channels": integer("channels of the image")}
    graph.call("conv_in", "Conv2d", {"out_channels": "channels", **parts.style.start}, x="x")
    down, up = ("residual", "fir") if size.filtered else ("res", "res")
    levels = tuple(
        Level(multiple(factor), down, up, attention=index in size.attention, late=True)
        for index, factor in enumerate(size.multipliers)
    )
    end = encoder(graph, parts, levels, "conv_in.out", temb, "x")
    end = bottleneck(graph, parts, Mid(), end, temb)
    end, _ = decoder(graph, parts, levels, end, temb)
    width = levels[0].channels
    graph.call("norm_out", "GroupNorm", {"num_groups": ADAPTIVE.format(c=width), "eps": 1e-6}, x=end)
    graph.call("act_out", "SiLU", x="norm_out.out")
    graph.call("conv_out", "Conv2d", {"out_channels": "image_channels", "init": "zero"}, x="act_out.out")
    inputs = [
        port("x", "map", "B image_channels H W", help="scaled noisy image"),
        port("noise", "sigma", "B", help="c_noise"),
        *conditions(size),
    ]
    what = "NCSN++" if size.filtered else "DDPM++"
    return definition(
        f"The network {what} of score_sde as EDM uses it.", graph, inputs,
        [port("x", "map", "B image_channels H W", "conv_out.out")], declared, REFERENCE,
    )  # fmt: skip


def _embedding(graph: Graph, parts: Parts, size: Size) -> str:
    """Add the embedding of noise level, class and augmentation; return its endpoint."""
    if size.filtered:
        graph.call("embed", "FourierFeatures", {"dim": "2*channels"}, t="noise")
    else:
        graph.call("embed", "TimestepEmbedding", {"dim": "channels", "frequency_shift": 1}, t="noise")
    width = "2*channels" if size.filtered else "channels"
    end = "embed.out"
    if size.num_classes:
        graph.call("one_hot", "OneHot", {"num_classes": "num_classes"}, y="y")
        graph.call("scale_class", "Scale", {"factor": "sqrt(num_classes)"}, x="one_hot.out")
        graph.call("class_embed", "Linear", {"out_features": width, **parts.style.start}, x="scale_class.out")
        end = graph.call("emb", "Add", a=end, b="class_embed.out") + ".out"
    if size.augment_dim:
        augment = {"out_features": width, "bias": False, **parts.style.start}
        graph.call("augment_embed", "Linear", augment, x="augment")
        end = graph.call("add_augment", "Add", a=end, b="augment_embed.out") + ".out"
    mlp = parts.have("EmbeddingMLP", lambda: embedding_mlp(parts.style))
    return graph.call("noise_mlp", mlp, {"temb_channels": "4*channels"}, x=end) + ".x"


def preconditioned(
    call: str,
    handed_down: tuple[str, ...],
    inputs: list[Json],
    declared: Json,
    doc: str,
    reference: str = REFERENCE,
) -> Json:
    """Return EDM's preconditioning around a network that takes x, noise and further inputs."""
    graph = Graph()
    graph.call("scalings", "EDMScalings", {"sigma_data": "sigma_data"}, sigma="sigma")
    graph.call("scale_in", "ScaleSamples", x="x", scale="scalings.c_in")
    more = {one["name"]: one["name"] for one in inputs[2:]}
    params = {name: name for name in handed_down}
    graph.call("network", call, params, x="scale_in.out", noise="scalings.c_noise", **more)
    graph.call("skip", "ScaleSamples", x="x", scale="scalings.c_skip")
    graph.call("scale_out", "ScaleSamples", x="network.x", scale="scalings.c_out")
    graph.call("add", "Add", a="skip.out", b="scale_out.out")
    output = port("denoised", "prediction", inputs[0]["shape"], "add.out")
    return definition(doc, graph, inputs, [output], {**declared, "sigma_data": NUMBER}, reference)


def edm(size: Size) -> Json:
    """Return the document of a preconditioned network."""
    parts = Parts(style(size))
    inner = network(size, parts)
    declared = parameters(size)
    inputs = [
        port("x", "image", "B image_channels H W", help="noisy image"),
        port("sigma", "sigma", "B", help="noise level"),
        *conditions(size),
    ]
    handed_down = tuple(name for name in declared if name != "image_channels")
    given = ", for class y" if size.num_classes else ""
    doc = f"EDM: estimates the clean image from x with noise of standard deviation σ{given}."
    main = preconditioned("UNet", handed_down, inputs, declared, doc)
    values = {name: one["default"] for name, one in main["parameters"].items()}
    training = {
        "prediction": "x0", "schedule": "edm", **({"num_classes": size.num_classes} if size.num_classes else {}),
        "sample_shape": [size.image_channels, size.image, size.image],
    }  # fmt: skip
    definitions = {"EDM": main, "UNet": inner, **dict(reversed(parts.definitions.items()))}
    return document("EDM", definitions, values, training)


_DDPMPP, _NCSNPP = partial(Size, False), partial(Size, True)
_TINY: dict[str, Any] = {
    "channels": 32,
    "multipliers": (1, 2),
    "blocks": 1,
    "image_channels": 1,
    "image": 16,
    "dropout": 0.0,
    "num_classes": 10,
    "augment_dim": 0,
}

# The counts of class-conditional networks are those of the published configuration with 10 classes.
_SIZES = (
    ("edm-ddpmpp-tiny", "EDM DDPM++, tiny (16×16 digits)", None, _DDPMPP(**_TINY)),
    ("edm-ncsnpp-tiny", "EDM NCSN++, tiny (16×16 digits)", None, _NCSNPP(**_TINY)),
    ("edm-cifar10-ddpmpp", "EDM DDPM++, CIFAR-10 32×32", 55_733_891, _DDPMPP()),
    ("edm-cifar10-ncsnpp", "EDM NCSN++, CIFAR-10 32×32", 56_397_827, _NCSNPP()),
    ("edm-cifar10-ddpmpp-class", "EDM DDPM++, CIFAR-10 32×32, class-conditional", 55_735_299, _DDPMPP(num_classes=10)),
    ("edm-cifar10-ncsnpp-class", "EDM NCSN++, CIFAR-10 32×32, class-conditional", 56_400_643, _NCSNPP(num_classes=10)),
)  # fmt: skip

PRESETS = tuple(
    Preset(
        id=name,
        family="edm",
        title=title,
        summary="Preconditioned; "
        + (
            "filtered resampling, image read beside the trunk"
            if size.filtered
            else "resampling by means and repetition"
        )
        + f"; {len(size.multipliers)} levels of {size.blocks} blocks, attention at the second.",
        reference=REFERENCE,
        document=partial(edm, size),
        published=count,
    )
    for name, title, count, size in _SIZES
)
