"""T2I-Adapter (Mou et al. 2023): a small network from a control map to one map for each level of the encoder."""

from functools import partial

from designer.presets import Preset
from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_parts import IN, OUT
from designer.presets.latent_writer import document

T2I = "Mou et al. 2023, arXiv:2302.08453"
DOC = "From a control map such as a sketch to a map for each level of a frozen U-Net's encoder."
# Which levels halve the map.
DOWNSAMPLE = {"full": "i > 0", "xl": "i == 2", "light": "i > 0"}


def adapter(
    kind: str, name: str, channels: tuple[int, ...], num_blocks: int, factor: int, in_channels: int = 3
) -> Json:
    """Return the document of a T2I-Adapter; kinds are "full", "xl" (halves once) and "light" (quarter width)."""
    parts: dict[str, Json] = {"AdapterBlock": _block(light=kind == "light")}
    parts["AdapterLevel"] = _light_level() if kind == "light" else _level()
    graph = Graph()
    graph.call("unshuffle", "PixelUnshuffle", {"factor": "downscale_factor"}, x="x")
    trunk = "unshuffle.out"
    if kind != "light":
        trunk = graph.call("conv_in", "Conv2d", {"out_channels": "channels[0]"}, x=trunk) + ".out"
    first = "downscale_factor**2*in_channels if i == 0 else channels[i - 1]"
    values = {
        "in_channels": first if kind == "light" else "channels[max(i - 1, 0)]",
        "out_channels": "channels[i]",
        "num_blocks": "num_blocks",
        "downsample": DOWNSAMPLE[kind],
    }
    graph.call("levels", "AdapterLevel", values, repeat="len(channels)", x=trunk)
    main = definition(
        DOC,
        graph,
        [port("x", "control", "B in_channels H W", help="control map")],
        [port("features", "control", source="levels.x[]", stack=True)],
        _parameters(in_channels, channels, num_blocks, factor),
        T2I,
    )
    return document(name, "T2IAdapter", {**parts, "T2IAdapter": main})


def adapter_parts(
    channels: tuple[int, ...], num_blocks: int, factor: int, in_channels: int = 3
) -> tuple[Json, dict[str, Json]]:
    """Return the full adapter with an output for each of its maps, and the definitions that it calls."""
    graph = Graph()
    graph.call("unshuffle", "PixelUnshuffle", {"factor": "downscale_factor"}, x="x")
    trunk = graph.call("conv_in", "Conv2d", {"out_channels": "channels[0]"}, x="unshuffle.out") + ".out"
    for index in range(len(channels)):
        values = {"out_channels": f"channels[{index}]", "num_blocks": "num_blocks", "downsample": index > 0}
        trunk = graph.call(f"level_{index}", "AdapterLevel", values, x=trunk) + ".x"
    main = definition(
        DOC,
        graph,
        [port("x", "control", "B in_channels H W", help="control map")],
        [port(f"feature_{index}", "control", source=f"level_{index}.x") for index in range(len(channels))],
        _parameters(in_channels, channels, num_blocks, factor),
        T2I,
    )
    return main, {"AdapterBlock": _block(light=False), "AdapterLevel": _level()}


def _parameters(in_channels: int, channels: tuple[int, ...], num_blocks: int, factor: int) -> dict[str, Json]:
    return {
        "in_channels": integer("channels of the control map", in_channels),
        "channels": integers("channels of each map", channels),
        "num_blocks": integer("residual blocks of a level", num_blocks),
        "downscale_factor": integer("by how much the control map is larger than the latent", factor),
    }


def _block(light: bool) -> Json:
    graph = Graph()
    graph.call("conv1", "Conv2d", {"out_channels": "channels"}, x="x")
    graph.call("act", "ReLU", x="conv1.out")
    second = {"out_channels": "channels", **({} if light else {"kernel_size": 1, "padding": 0})}
    graph.call("conv2", "Conv2d", second, x="act.out")
    graph.call("add", "Add", a="conv2.out", b="x")
    return definition(
        "Residual block without normalisation.",
        graph,
        [port("x", "map", "B channels H W")],
        [port("x", "map", "B channels H W", "add.out")],
        {"channels": integer("channels of the map")},
        T2I,
    )


_LEVEL = {
    **IN,
    **OUT,
    "num_blocks": integer("residual blocks", 2, 0),
    "downsample": {"type": "bool", "default": True, "help": "halve the map first"},
}


def _level() -> Json:
    graph = Graph()
    graph.call("pool", "AvgPool2dCeil", when="downsample", x="x")
    one = {"out_channels": "out_channels", "kernel_size": 1, "padding": 0}
    graph.call("conv_in", "Conv2d", one, when="in_channels != out_channels", x="pool.out")
    graph.call("blocks", "AdapterBlock", repeat="num_blocks", x="conv_in.out")
    return definition(
        "One resolution: pooling, a change of channels where there is one, residual blocks.",
        graph,
        [port("x", "map", "B in_channels H W")],
        [port("x", "map", source="blocks.x")],
        _LEVEL,
        T2I,
    )


def _light_level() -> Json:
    graph = Graph()
    narrow = {"out_channels": "out_channels//4", "kernel_size": 1, "padding": 0}
    graph.call("pool", "AvgPool2dCeil", when="downsample", x="x")
    graph.call("conv_in", "Conv2d", narrow, x="pool.out")
    graph.call("blocks", "AdapterBlock", repeat="num_blocks", x="conv_in.out")
    wide = {"in_channels": "out_channels//4", "out_channels": "out_channels", "kernel_size": 1, "padding": 0}
    graph.call("conv_out", "Conv2d", wide, x="blocks.x")
    return definition(
        "One resolution: pooling, then residual blocks at a quarter of the channels.",
        graph,
        [port("x", "map", "B in_channels H W")],
        [port("x", "map", source="conv_out.out")],
        _LEVEL,
        T2I,
    )


def _preset(
    id: str,
    title: str,
    summary: str,
    kind: str,
    channels: tuple[int, ...],
    blocks: int,
    factor: int,
    count: int | None,
) -> Preset:
    document = partial(adapter, kind, title, channels, blocks, factor)
    return Preset(id, "t2i-adapter", title, summary, T2I, document, count)


FOUR = (320, 640, 1280, 1280)
PRESETS = (
    _preset("t2i-adapter-tiny", "T2I-Adapter, tiny", "Two maps of the levels of the tiny U-Net.", "full", (32, 64), 1, 2, None),
    _preset("t2i-adapter-full", "T2I-Adapter, full", "The published 77 M parameter adapter of Stable Diffusion.", "full", FOUR, 2, 8, 77_369_280),
    _preset("t2i-adapter-light", "T2I-Adapter, light", "The published 19 M parameter adapter: blocks at a quarter of the channels.", "light", FOUR, 4, 8, 18_689_200),
    _preset("t2i-adapter-xl", "T2I-Adapter for SDXL", "The published 79 M parameter adapter: maps of two sizes.", "xl", FOUR, 2, 16, 79_028_160),
)  # fmt: skip
