"""The levels of convolutional U-Nets on pixels: what happens at one resolution, and in the middle.

Kinds of a level say how it ends: `conv` and `strided` by a convolution, `res` by a residual block that
resamples, `fir` by one that filters, `residual` and `skip` so too, beside a pyramid of images (NCSN++).
"""

from typing import Any

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.pixel_parts import TEMB, TEMB_IN, Parts, declared, passed

CHANNELS_IN = {"in_channels": integer("channels of the input")}
CHANNELS_OUT = {"out_channels": integer("channels of the level")}
ATTENTION = {"type": "bool", "default": False, "help": "attention after each residual block"}
PREFIX = {"conv": "", "strided": "", "res": "Res", "fir": "FIR", "residual": "Residual", "skip": "Skip"}
DOWN = {"res": "AvgPool2d", "fir": "FIRDownsample", "residual": "FIRDownsample", "skip": "FIRDownsample"}
UP = {"res": "UpsampleNearest", "fir": "FIRUpsample", "skip": "FIRUpsample"}
PYRAMIDS = ("skip", "residual")
X_IN = port("x", "map", "B in_channels H W")
IMAGE_IN = port("image", "map", "B image_channels H W")


def down_level(parts: Parts, kind: str, padding: int = 1) -> str:
    """Return the name of an encoder level; `padding` is that of a strided convolution."""
    return parts.have(f"{PREFIX[kind]}DownLevel", lambda: _down_level(parts, kind, padding))


def _down_level(parts: Parts, kind: str, padding: int) -> Json:
    graph, shared = Graph(), parts.style.shared
    params = {"out_channels": "out_channels", "attention": "attention", **passed(shared)}
    graph.call("blocks", parts.block(), params, repeat="num_blocks", x="x", temb="temb")
    graph.call("push", "PushSkip", first="x", rest="blocks.x[]")
    doc = (
        "One encoder resolution: blocks, then halving. Its skips are its input and the output of each block."
    )
    inputs, outputs = [X_IN, TEMB_IN], [port("skips", "skip", "", "push.out", stack=True)]
    parameters: Json = {**CHANNELS_IN, **CHANNELS_OUT}
    blocks = {**_blocks(2), **TEMB, **declared(shared), "attention": ATTENTION}
    if kind in PYRAMIDS:
        end = _resampled(graph, parts, "down", DOWN[kind], "blocks.x", None)
        inputs.insert(1, IMAGE_IN)
        parameters |= {"image_channels": integer("channels of the image beside the trunk"), **blocks}
        if kind == "skip":
            doc += " The image is halved too and added to what goes on."
            end = _with_image(graph, parts, end)
            outputs.append(port("image", "map", "", "image_down.out"))
        else:
            doc += " The convolved image is added to what goes on."
            end = _with_convolved_image(graph, parts, end)
    else:
        end = _halved(graph, parts, kind, padding)
        switch = {"type": "bool", "default": True, "help": "halve the resolution at the end"}
        parameters |= {**blocks, "downsample": switch}
    return definition(
        doc, graph, inputs, [port("x", "map", "", end), *outputs], parameters, parts.style.reference
    )


def _halved(graph: Graph, parts: Parts, kind: str, padding: int) -> str:
    """Add what halves the resolution where the level does; return its endpoint."""
    start = parts.style.start
    if kind == "conv":
        return graph.call("down", "DownsampleConv", start, when="downsample", x="blocks.x") + ".out"
    if kind == "strided":
        strided = {"out_channels": "out_channels", "stride": 2, "padding": padding, **start}
        return graph.call("down", "Conv2d", strided, when="downsample", x="blocks.x") + ".out"
    return _resampled(graph, parts, "down", DOWN[kind], "blocks.x", "downsample")


def _with_image(graph: Graph, parts: Parts, trunk: str) -> str:
    """Halve the image, add it to the trunk; return the endpoint."""
    graph.call("image_down", "FIRDownsample", x="image")
    one = {"out_channels": "out_channels", "kernel_size": 1, "padding": 0, **parts.style.start}
    graph.call("from_image", "Conv2d", one, x="image_down.out")
    return graph.call("add_image", "Add", a="from_image.out", b=trunk) + ".out"


def _with_convolved_image(graph: Graph, parts: Parts, trunk: str) -> str:
    """Convolve and halve the image, average it with the trunk; return the endpoint.

    Two pixels of border: one for the convolution and one for the filter behind it.
    """
    wide = {"out_channels": "out_channels", "padding": 2, **parts.style.start}
    graph.call("from_image", "Conv2d", wide, x="image")
    graph.call("image_down", "FIRDownsample", {"padding": 0}, x="from_image.out")
    graph.call("add_image", "Add", a=trunk, b="image_down.out")
    return graph.call("rescale", "Scale", {"factor": "1/sqrt(2)"}, x="add_image.out") + ".out"


def up_level(parts: Parts, kind: str, late: bool = False, first: bool = False, suffix: str = "") -> str:
    """Return the name of a decoder level, which may need a suffix.

    A `late` level attends once, behind its blocks; the `first` of a pyramid starts its image.
    """
    name = f"{'First' if first else ''}{PREFIX[kind]}UpLevel{suffix}"
    return parts.have(name, lambda: _up_level(parts, kind, late, first))


def _up_level(parts: Parts, kind: str, late: bool, first: bool) -> Json:
    graph, style = Graph(), parts.style
    inputs = [X_IN, port("skips", "skip", "B skip_channels H W", stack=True), TEMB_IN]
    params: dict[str, Any] = {"out_channels": "out_channels"}
    if late:
        params |= passed(parts.in_residual) | ({"attention": "attention"} if style.skip_groups else {})
    else:
        params |= {"attention": "attention", **passed(style.shared)}
    graph.call("blocks", parts.up_block(late), params, repeat="num_blocks", x="x", skip="skips", temb="temb")
    end, outputs = "blocks.x", []
    if late:
        end = (
            graph.call("attn", parts.attention(), parts.to_attention("out_channels"), when="attention", x=end)
            + ".x"
        )
    parameters: Json = {
        **CHANNELS_IN,
        "skip_channels": {"type": "list", "help": "channels of each skip of the encoder level"},
        **CHANNELS_OUT,
    }
    if kind == "skip":
        outputs = [_to_image(graph, parts, end, first)]
        parameters["image_channels"] = integer("channels of the image beside the trunk")
        if not first:
            inputs.insert(2, port("image", "map", "B image_channels H//2 W//2"))
    when = None if kind == "skip" else "upsample"
    if kind in ("conv", "strided"):
        end = graph.call("up", "UpsampleConv", style.start, when=when, x=end) + ".out"
    else:
        end = _resampled(graph, parts, "up", UP[kind], end, when)
    doc = "One decoder resolution: each block takes one skip of the encoder level, last one first; then doubling."
    if kind == "skip":
        doc += " It draws on an image that grows beside the trunk."
    parameters |= {**_blocks(3), **TEMB, **declared(style.shared), "attention": ATTENTION}
    if when:
        parameters["upsample"] = {"type": "bool", "default": True, "help": "double the resolution at the end"}
    return definition(doc, graph, inputs, [port("x", "map", "", end), *outputs], parameters, style.reference)


def _to_image(graph: Graph, parts: Parts, source: str, first: bool) -> Json:
    """Add what a level contributes to the image; return the output port."""
    graph.call(
        "image_norm",
        "GroupNorm",
        {"num_groups": "min(out_channels//4, 32)", "eps": parts.style.eps},
        x=source,
    )
    graph.call("image_act", "SiLU", x="image_norm.out")
    graph.call(
        "to_image", "Conv2d", {"out_channels": "image_channels", **parts.style.start}, x="image_act.out"
    )
    end = "to_image.out"
    if not first:
        graph.call("image_up", "FIRUpsample", x="image")
        end = graph.call("add_image", "Add", a="image_up.out", b=end) + ".out"
    return port("image", "map", "", end)


def _resampled(graph: Graph, parts: Parts, node: str, resample: str, source: str, when: str | None) -> str:
    params = {"out_channels": "out_channels", **passed(parts.in_resampler), "resample": resample}
    return graph.call(node, parts.resampler(node == "up"), params, when=when, x=source, temb="temb") + ".x"


def _blocks(default: int) -> Json:
    return {"num_blocks": integer("residual blocks", default, 1, 64)}


def middle(parts: Parts, attention: bool = True, normalised: bool = True, groups: int | None = None) -> str:
    """Return the name of the bottleneck; `groups` are those of its attention where they are its own."""
    return parts.have("Middle", lambda: _middle(parts, attention, normalised, groups))


def _middle(parts: Parts, attention: bool, normalised: bool, groups: int | None) -> Json:
    graph, shared = Graph(), parts.style.shared
    res = {"out_channels": "channels", **passed(parts.in_residual)}
    end = graph.call("res1", parts.res_block(), res, x="x", temb="temb") + ".x"
    if attention:
        params: dict[str, Any] = parts.to_attention("channels")
        if not normalised:
            params.pop("num_groups", None)
        elif groups is not None:
            params["num_groups"] = groups
        end = graph.call("attn", parts.attention(normalised), params, x=end) + ".x"
    graph.call("res2", parts.res_block(), res, x=end, temb="temb")
    return definition(
        "The bottleneck: residual block, attention, residual block."
        if attention
        else "The bottleneck: two residual blocks.",
        graph,
        [port("x", "map", "B channels H W"), TEMB_IN],
        [port("x", "map", "B channels H W", "res2.x")],
        {"channels": integer("channels of the map"), **TEMB, **declared(shared)},
        parts.style.reference,
    )
