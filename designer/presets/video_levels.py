"""The levels of latent video U-Nets: what happens at one resolution, on the way down, in the middle, on the way up."""

from dataclasses import dataclass

from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_attention import CONTEXT, CONTEXT_IN, GROUPS, HEADS
from designer.presets.video_blocks import DEPTH, EPS, FRAMES, IMAGE_ONLY, IN, OUT, SVD, TEMB, TEMB_IN, X_IN

SHARE = {"num_groups": "num_groups", "eps": "eps"}


@dataclass(frozen=True)
class Level:
    """One resolution: whether it has transformers, how many blocks, heads and depth of its transformers."""

    cross: bool
    blocks: int
    heads: int = 8
    depth: int = 1

    @property
    def prefix(self) -> str:
        """How the names of the level's definitions begin."""
        return "Cross" if self.cross else ""

    @property
    def parameters(self) -> dict[str, Json]:
        """The parameters that the level and its blocks have beside those of all levels."""
        return {**TEMB, **({**CONTEXT, **HEADS, **DEPTH} if self.cross else {}), **GROUPS, **EPS}

    @property
    def values(self) -> dict[str, str]:
        """The parameters that the level passes on to its blocks."""
        return {**({"num_heads": "num_heads", "depth": "depth"} if self.cross else {}), **SHARE}

    @property
    def ports(self) -> list[Json]:
        """The inputs that the level and its blocks have beside the map and skips."""
        return [TEMB_IN, *([CONTEXT_IN] if self.cross else []), IMAGE_ONLY]

    @property
    def ends(self) -> dict[str, str]:
        """The endpoints of these inputs."""
        return {one["name"]: one["name"] for one in self.ports}


def _attend(graph: Graph, level: Level, source: str) -> str:
    if not level.cross:
        return source
    params = {"num_heads": "num_heads", "depth": "depth", "num_groups": "num_groups"}
    inputs = {"context": "context", "image_only": "image_only"}
    return graph.call("attn", "VideoTransformer", params, x=source, **inputs) + ".x"


def _res(graph: Graph, node: str, source: str, channels: str = "out_channels") -> str:
    params = {"out_channels": channels, **SHARE}
    return graph.call(node, "VideoResBlock", params, x=source, temb="temb", image_only="image_only") + ".x"


def down_block(level: Level) -> Json:
    """Return the block of an encoder level with transformers."""
    graph = Graph()
    end = _attend(graph, level, _res(graph, "res", "x"))
    output = port("x", "map", f"{FRAMES} out_channels H W", end)
    doc = "Residual block, then a transformer, over pixels and frames."
    return definition(doc, graph, [X_IN, *level.ports], [output], {**IN, **OUT, **level.parameters}, SVD)


def up_block(level: Level) -> Json:
    """Return the block of a decoder level."""
    graph = Graph()
    graph.call("concat", "ConcatChannels", a="x", b="skip")
    end = _attend(graph, level, _res(graph, "res", "concat.out"))
    return definition(
        "Concatenate one encoder skip, then a residual block"
        + (" and a transformer." if level.cross else "."),
        graph,
        [X_IN, port("skip", "skip", f"{FRAMES} skip_channels H W"), *level.ports],
        [port("x", "map", f"{FRAMES} out_channels H W", end)],
        {**IN, "skip_channels": integer("channels of the skip"), **OUT, **level.parameters},
        SVD,
    )


def down_level(level: Level) -> Json:
    """Return an encoder level."""
    graph = Graph()
    params = {"out_channels": "out_channels", **level.values}
    block = "CrossBlock" if level.cross else "VideoResBlock"
    graph.call("blocks", block, params, repeat="num_blocks", x="x", **level.ends)
    graph.call("push", "PushSkip", first="x", rest="blocks.x[]")
    graph.call(
        "down", "Conv2d", {"out_channels": "out_channels", "stride": 2}, when="downsample", x="blocks.x"
    )
    return definition(
        "One encoder resolution: blocks, then halving. Its skips are its input and the output of each block.",
        graph,
        [X_IN, *level.ports],
        [port("x", "map", source="down.out"), port("skips", "skip", source="push.out", stack=True)],
        {
            **IN,
            **OUT,
            "num_blocks": integer("residual blocks", 2, 1, 16),
            **level.parameters,
            "downsample": {"type": "bool", "default": True, "help": "halve the resolution at the end"},
        },
        SVD,
    )


def up_level(level: Level) -> Json:
    """Return a decoder level."""
    graph = Graph()
    params = {"out_channels": "out_channels", **level.values}
    inputs = {"x": "x", "skip": "skips", **level.ends}
    graph.call("blocks", f"{level.prefix}UpBlock", params, repeat="num_blocks", **inputs)
    graph.call("up", "UpsampleConv", when="upsample", x="blocks.x")
    return definition(
        "One decoder resolution: each block takes one skip of the encoder level, last one first; then doubling.",
        graph,
        [X_IN, port("skips", "skip", f"{FRAMES} skip_channels H W", stack=True), *level.ports],
        [port("x", "map", source="up.out")],
        {
            **IN,
            "skip_channels": integers("channels of each skip of the encoder level"),
            **OUT,
            "num_blocks": integer("residual blocks: one a skip", 3, 1, 17),
            **level.parameters,
            "upsample": {"type": "bool", "default": True, "help": "double the resolution at the end"},
        },
        SVD,
    )


def middle(level: Level) -> Json:
    """Return the bottleneck."""
    graph = Graph()
    end = _attend(graph, level, _res(graph, "res1", "x", "channels"))
    end = _res(graph, "res2", end, "channels")
    shape = f"{FRAMES} channels H W"
    return definition(
        "The bottleneck: residual block, transformer, residual block, over pixels and frames.",
        graph,
        [port("x", "map", shape), *level.ports],
        [port("x", "map", shape, end)],
        {"channels": integer("channels of the map"), **level.parameters},
        SVD,
    )
