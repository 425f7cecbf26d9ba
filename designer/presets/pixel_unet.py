"""Convolutional U-Nets on pixels as one parametrised design: DDPM, ADM, NCSN++ and what lies between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.pixel_levels import PYRAMIDS, down_level, middle, up_level
from designer.presets.pixel_parts import Parts, Style, passed


@dataclass(frozen=True)
class Level:
    """One resolution: channels, how it ends on the way down and up, where it attends, parameters of its own.

    A `late` level attends only behind its last block on the way up.
    """

    channels: str | int
    down: str = "conv"
    up: str = "conv"
    attention: bool = False
    up_attention: bool | None = None
    late: bool = False
    padding: int = 1
    values: Mapping[str, Any] = field(default_factory=dict)
    up_values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mid:
    """The bottleneck: whether it attends, normalises before, in how many groups, parameters of its own."""

    attention: bool = True
    normalised: bool = True
    groups: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def encoder(graph: Graph, parts: Parts, levels: Sequence[Level], x: str, temb: str, image: str) -> str:
    """Add the levels down_0, down_1, …; return the endpoint of the coarsest map. `image` is the noisy image."""
    for index, level in enumerate(levels):
        last = index == len(levels) - 1
        kind = "conv" if last and level.down in PYRAMIDS else level.down
        params = {
            "out_channels": level.channels,
            "num_blocks": "num_blocks",
            "attention": level.attention,
            **({} if kind in PYRAMIDS else {"downsample": not last}),
            **passed(parts.style.shared),
            **level.values,
        }
        beside = {"image": image} if kind in PYRAMIDS else {}
        target = down_level(parts, kind, level.padding)
        graph.call(f"down_{index}", target, params, x=x, temb=temb, **beside)
        x = f"down_{index}.x"
        image = {"skip": f"down_{index}.image", "residual": x}.get(kind, image)
    return x


def decoder(
    graph: Graph, parts: Parts, levels: Sequence[Level], x: str, temb: str, channels: str = ""
) -> tuple[str, str]:
    """Add the levels …, up_1, up_0; return the endpoints of the finest map and of the image beside it, or ""."""
    image, mixed = "", not all(level.late for level in levels)
    for index, level in reversed(list(enumerate(levels))):
        kind = "conv" if index == 0 and level.up in PYRAMIDS else level.up
        attention = level.attention if level.up_attention is None else level.up_attention
        params = {
            "out_channels": level.channels,
            "num_blocks": "num_blocks + 1",
            "attention": attention,
            **({} if kind == "skip" else {"upsample": index > 0}),
            **passed(parts.style.shared),
            **level.up_values,
        }
        first = kind == "skip" and not image
        if first:
            params["image_channels"] = channels
        beside = {"image": image} if image and kind == "skip" else {}
        suffix = "Late" if level.late and kind != "skip" and mixed else ""
        inputs = {"x": x, "skips": f"down_{index}.skips", "temb": temb, **beside}
        graph.call(f"up_{index}", up_level(parts, kind, level.late, first, suffix), params, **inputs)
        x = f"up_{index}.x"
        image = f"up_{index}.image" if kind == "skip" else image
    if image:
        image = graph.call("image_up", "FIRUpsample", x=image) + ".out"
    return x, image


def bottleneck(graph: Graph, parts: Parts, mid: Mid, x: str, temb: str) -> str:
    """Add the bottleneck; return its endpoint."""
    name = middle(parts, mid.attention, mid.normalised, mid.groups)
    return graph.call("mid", name, {**passed(parts.style.shared), **mid.values}, x=x, temb=temb) + ".x"


def embedding_mlp(style: Style) -> Json:
    """Return the definition of the MLP on the embedded timestep."""
    graph = Graph()
    graph.call("fc1", "Linear", {"out_features": "temb_channels", **style.start}, x="x")
    graph.call("act", "SiLU", x="fc1.out")
    graph.call("fc2", "Linear", {"out_features": "temb_channels", **style.start}, x="act.out")
    return definition(
        "Two-layer perceptron on an embedding.",
        graph,
        [port("x", "vector", "B dim")],
        [port("x", "vector", "B temb_channels", "fc2.out")],
        {"dim": integer("size of the input"), "temb_channels": integer("size of the output", 512)},
        style.reference,
    )


@dataclass(frozen=True)
class PixelUNet:
    """A U-Net with its embeddings.

    `embed` is the call that embeds the timestep and `learned` says that it holds weights, `conditions` is how
    classes come in: a table, a second timestep, or a vector. `parameters` are those of the whole design,
    `width` the channels of the first convolution, `names` those of the inputs where they differ from ours.
    """

    style: Style
    levels: tuple[Level, ...]
    parameters: Json
    embed: tuple[str, Json] = ("TimestepEmbedding", {"dim": "channels", "frequency_shift": 1})
    embed_port: str = "t"
    time_role: str = "timestep"
    time_dtype: str = ""
    temb: str | int = "4*channels"
    classes: str = ""
    mid: Mid | None = Mid()
    width: str | int = "channels"
    centred: bool = False
    divide: bool = False
    norm_out: str = "num_groups"
    in_channels: str = "in_channels"
    out_channels: str = "out_channels"
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, ours: str) -> str:
        """The name under which an input is known."""
        return self.names.get(ours, ours)


def main(net: PixelUNet, parts: Parts, doc: str, output: str) -> Json:
    """Return the main definition; `parts` collects the others."""
    graph, x, t = Graph(), net.name("x"), net.name("t")
    temb = _embedding(graph, parts, net, t)
    image = graph.call("center", "CenterInput", x=x) + ".out" if net.centred else x
    graph.call("conv_in", "Conv2d", {"out_channels": net.width, **net.style.start}, x=image)
    end = encoder(graph, parts, net.levels, "conv_in.out", temb, image)
    if net.mid is not None:
        end = bottleneck(graph, parts, net.mid, end, temb)
    end, pyramid = decoder(graph, parts, net.levels, end, temb, net.out_channels)
    graph.call("norm_out", "GroupNorm", {"num_groups": net.norm_out, "eps": net.style.eps}, x=end)
    graph.call("act_out", "SiLU", x="norm_out.out")
    graph.call("conv_out", "Conv2d", {"out_channels": net.out_channels, "init": "zero"}, x="act_out.out")
    end = "conv_out.out"
    if pyramid:
        end = graph.call("add_image", "Add", a=end, b=pyramid) + ".out"
    if net.divide:
        end = graph.call("divide", "DivideSamples", x=end, scale=t) + ".out"
    return definition(
        doc, graph, _inputs(net), [port(output, "prediction", f"B {net.out_channels} H W", end)],
        net.parameters, net.style.reference,
    )  # fmt: skip


def _embedding(graph: Graph, parts: Parts, net: PixelUNet, t: str) -> str:
    """Add the embedding of timestep and classes; return its endpoint."""
    mlp = parts.have("EmbeddingMLP", lambda: embedding_mlp(net.style))
    target, params = net.embed
    width = {"temb_channels": net.temb}
    graph.call("embed", target, params, **{net.embed_port: t})
    graph.call("time_mlp", mlp, width, x="embed.out")
    y = net.name("y")
    if not net.classes:
        return "time_mlp.x"
    if net.classes == "vector":
        return graph.call("add_class", "Add", a="time_mlp.x", b=y) + ".out"
    if net.classes == "table":
        table = {"num_embeddings": "num_classes", "embedding_dim": net.temb}
        source = graph.call("class_embed", "Embedding", table, index=y) + ".out"
    else:  # as a second timestep; an embedding that holds weights is shared
        graph.call("embed_class", target, params, **{net.embed_port: y})
        if target != "TimestepEmbedding":
            for node in ("embed", "embed_class"):
                graph.nodes[node]["instance"] = "embed"
        source = graph.call("class_mlp", mlp, width, x="embed_class.out") + ".x"
    return graph.call("add_class", "Add", a="time_mlp.x", b=source) + ".out"


def _inputs(net: PixelUNet) -> list[Json]:
    what = "noise level" if net.time_role == "sigma" else "timestep, 0 … 999"
    inputs = [
        port(net.name("x"), "image", f"B {net.in_channels} H W", help="noisy image"),
        port(net.name("t"), net.time_role, "B", dtype=net.time_dtype, help=what),
    ]
    if net.classes == "table":
        inputs.append(port(net.name("y"), "class", "B", dtype="int64", help="class label"))
    elif net.classes == "timestep":
        inputs.append(port(net.name("y"), net.time_role, "B", dtype=net.time_dtype, help="a second timestep"))
    elif net.classes == "vector":
        inputs.append(port(net.name("y"), "vector", f"B {net.temb}", help="class embedding"))
    return inputs


def document(name: str, definitions: Mapping[str, Json], values: Mapping[str, Any], training: Json) -> Json:
    """Return a whole document whose main definition is the first one; callees come in any order."""
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": name,
        "parameters": dict(values),
        "main": next(iter(definitions)),
        "training": training,
        "definitions": dict(definitions),
    }


def unet(net: PixelUNet, name: str, doc: str, training: Json, output: str = "out") -> Json:
    """Return the document of a U-Net."""
    parts = Parts(net.style)
    top = main(net, parts, doc, output)
    values = {key: one["default"] for key, one in net.parameters.items() if "default" in one}
    definitions = {"UNet": top, **dict(reversed(parts.definitions.items()))}
    return document(name, definitions, values, training)


def multiple(factor: float) -> str:
    """Return the expression for a multiple of the channels."""
    above, below = factor.as_integer_ratio()
    product = "channels" if above == 1 else f"{above}*channels"
    return product if below == 1 else f"{product}//{below}"
