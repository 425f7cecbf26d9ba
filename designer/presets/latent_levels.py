"""The levels of latent U-Nets: what happens at one resolution, on the way down, in the middle, on the way up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_attention import CONTEXT, CONTEXT_IN, GROUPS, HEADS, LDM
from designer.presets.latent_parts import IN, OUT, TEMB, TEMB_IN, Parts, Residual

PASS = {"num_groups": "num_groups"}
FUSE: dict[str, Json] = {
    "fuse": {
        "type": "block",
        "default": "ConcatChannels",
        "help": "how a skip (b) joins the trunk (a): ConcatChannels, AttentionFusion, ConcatProject, …",
    }
}
ATTENTION = {"cross": "a spatial transformer", "mixed": "attention over pixels and context"}


@dataclass(frozen=True)
class Level:
    """One resolution: its kind, how many blocks, heads and depth of its transformers.

    Kinds: "plain" residual blocks; "cross", each followed by a spatial transformer; "mixed", each followed by
    one attention over pixels and context together; "resample", plain. The last two resample in a residual
    block. A tuple as depth gives each block its own.
    """

    kind: str
    blocks: int
    heads: int = 8
    depth: int | tuple[int, ...] = 1
    only_cross: bool = False

    @property
    def has_context(self) -> bool:
        """Whether the level looks at the context."""
        return self.kind in ("cross", "mixed")

    @property
    def resamples(self) -> bool:
        """Whether a residual block changes the resolution."""
        return self.kind in ("mixed", "resample")

    def single(self) -> "Level":
        """The level as one of its blocks sees it."""
        return Level(self.kind, 1, only_cross=self.only_cross)


@dataclass(frozen=True)
class Kind:
    """What the definitions of a level are named, and which inputs and parameters its kind adds."""

    prefix: str
    inputs: tuple[Json, ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)
    values: Mapping[str, str] = field(
        default_factory=dict
    )  # parameters of a block, as the level passes them on

    @classmethod
    def of(cls, level: Level) -> "Kind":
        if not level.has_context:
            return cls("Resample" if level.resamples else "")
        prefix = level.kind.capitalize() + ("Only" if level.only_cross else "")
        if level.kind == "mixed":
            return cls(prefix, (CONTEXT_IN,), {**CONTEXT, **HEADS}, {"num_heads": "num_heads"})
        if isinstance(level.depth, tuple):
            depths = {"depths": integers("transformer blocks of each block")}
            values = {"num_heads": "num_heads", "depth": "depths[i]"}
            return cls(f"{prefix}Varied", (CONTEXT_IN,), {**CONTEXT, **HEADS, **depths}, values)
        depth = {"depth": integer("transformer blocks", 1, 0)}
        return cls(
            prefix, (CONTEXT_IN,), {**CONTEXT, **HEADS, **depth}, {"num_heads": "num_heads", "depth": "depth"}
        )

    def edges(self) -> dict[str, str]:
        """The endpoints of the inputs that every block takes."""
        return {"temb": "temb", **{one["name"]: one["name"] for one in self.inputs}}


@dataclass(frozen=True)
class Route:
    """What happens to a skip on its way to the decoder: here nothing; see its subclasses."""

    prefix: str = ""
    doc: str = ""
    stacks: Mapping[str, str] = field(default_factory=dict)  # further inputs of a block → the level's stacks
    parameters: Mapping[str, Json] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)  # as a level passes them on
    main_parameters: Mapping[str, Json] = field(default_factory=dict)
    main_values: Mapping[str, str] = field(default_factory=dict)  # as main passes them to a level

    def write(self, parts: Parts, graph: Graph, skip: str) -> str:
        """Add the nodes; return the endpoint of what is concatenated."""
        return skip


PLAIN = Route()


def residual(parts: Parts, level: Level, resample: str = "") -> str:
    """The residual block of a level."""
    if not level.resamples:
        return parts.res_block()
    return parts.res_block(Residual(parts.style.factor, not parts.style.bare_time, resample))


def attend(parts: Parts, level: Level, graph: Graph, kind: Kind) -> str:
    """Add the attention behind a residual block, where the level has it; return the endpoint."""
    if not level.has_context:
        return "res.x"
    attention = (
        parts.transformer(level.only_cross) if level.kind == "cross" else parts.mixed(level.only_cross)
    )
    return graph.call("attn", attention, {**kind.values, **PASS}, x="res.x", context="context") + ".x"


def downsample(parts: Parts, level: Level, graph: Graph, source: str) -> str:
    """Add what halves the resolution at the end of a level, where it is wanted; return the endpoint."""
    if level.resamples:
        name = residual(parts, level, "down")
        wide = {"out_channels": "out_channels", **PASS}
        return graph.call("down", name, wide, when="downsample", x=source, temb="temb") + ".x"
    if parts.style.asymmetric:
        return graph.call("down", "DownsampleConv", when="downsample", x=source) + ".out"
    strided = {"out_channels": "out_channels", "stride": 2}
    return graph.call("down", "Conv2d", strided, when="downsample", x=source) + ".out"


def down_level(parts: Parts, level: Level) -> str:
    """Return the name of an encoder level."""
    kind = Kind.of(level)
    return parts.have(f"{kind.prefix}DownLevel", lambda: _down_level(parts, level, kind))


def _down_level(parts: Parts, level: Level, kind: Kind) -> Json:
    graph = Graph()
    block = block_of(parts, level)
    params = {"out_channels": "out_channels", **kind.values, **PASS}
    graph.call("blocks", block, params, repeat="num_blocks", x="x", **kind.edges())
    graph.call("push", "PushSkip", first="x", rest="blocks.x[]")
    down = downsample(parts, level, graph, "blocks.x")
    return definition(
        "One encoder resolution: blocks, then halving. Its skips are its input and the output of each block.",
        graph,
        [port("x", "map", "B in_channels H W"), TEMB_IN, *kind.inputs],
        [
            port("x", "map", source=down),
            port("skips", "skip", source="push.out", stack=True),
        ],
        {
            **IN,
            **OUT,
            "num_blocks": integer("residual blocks", 2, 1, 16),
            **TEMB,
            **kind.parameters,
            **GROUPS,
            "downsample": {"type": "bool", "default": True, "help": "halve the resolution at the end"},
        },
        LDM,
    )


def block_of(parts: Parts, level: Level) -> str:
    """The block of an encoder level: a residual block, then attention where the level has it."""
    if not level.has_context:
        return residual(parts, level)
    single = Kind.of(level.single())
    return parts.have(f"{single.prefix}Block", lambda: _attended_block(parts, level, single))


def _attended_block(parts: Parts, level: Level, kind: Kind) -> Json:
    graph = Graph()
    graph.call("res", residual(parts, level), {"out_channels": "out_channels", **PASS}, x="x", temb="temb")
    return definition(
        f"Residual block, then {ATTENTION[level.kind]}.",
        graph,
        [port("x", "map", "B in_channels H W"), TEMB_IN, *kind.inputs],
        [port("x", "map", "B out_channels H W", attend(parts, level, graph, kind))],
        {**IN, **OUT, **TEMB, **kind.parameters, **GROUPS},
        LDM,
    )


def upsample(parts: Parts, level: Level, graph: Graph, source: str) -> str:
    """Add what doubles the resolution at the end of a level, where it is wanted; return the endpoint."""
    if not level.resamples:
        return graph.call("up", "UpsampleConv", when="upsample", x=source) + ".out"
    name = residual(parts, level, "up")
    wide = {"out_channels": "out_channels", **PASS}
    return graph.call("up", name, wide, when="upsample", x=source, temb="temb") + ".x"


def up_level(parts: Parts, level: Level, route: Route = PLAIN) -> str:
    """Return the name of a decoder level whose skips take this route."""
    kind = Kind.of(level)
    return parts.have(f"{route.prefix}{kind.prefix}UpLevel", lambda: _up_level(parts, level, kind, route))


def _up_level(parts: Parts, level: Level, kind: Kind, route: Route) -> Json:
    graph = Graph()
    single = Kind.of(level.single())
    name = f"{route.prefix}{single.prefix}UpBlock"
    block = parts.have(name, lambda: _up_block(parts, level, single, route))
    params = {"out_channels": "out_channels", **kind.values, **route.values, **PASS, "fuse": "=fuse"}
    inputs = {"x": "x", "skip": "skips", **route.stacks, **kind.edges()}
    graph.call("blocks", block, params, repeat="num_blocks", **inputs)
    return definition(
        "One decoder resolution: each block takes one skip of the encoder level, last one first; then doubling.",
        graph,
        [
            port("x", "map", "B in_channels H W"),
            port("skips", "skip", "B skip_channels H W", stack=True),
            *(port(stack, "control", "B skip_channels H W", stack=True) for stack in route.stacks.values()),
            TEMB_IN,
            *kind.inputs,
        ],
        [port("x", "map", source=upsample(parts, level, graph, "blocks.x"))],
        {
            **IN,
            "skip_channels": integers("channels of each skip of the encoder level"),
            **OUT,
            "num_blocks": integer("residual blocks: one a skip", 3, 1, 17),
            **TEMB,
            **kind.parameters,
            **route.parameters,
            **GROUPS,
            **FUSE,
            "upsample": {"type": "bool", "default": True, "help": "double the resolution at the end"},
        },
        LDM,
    )


def _up_block(parts: Parts, level: Level, kind: Kind, route: Route) -> Json:
    graph = Graph()
    graph.call("fuse", "=fuse", {"out_channels": "in_channels"}, a="x", b=route.write(parts, graph, "skip"))
    graph.call(
        "res", residual(parts, level), {"out_channels": "out_channels", **PASS}, x="fuse.out", temb="temb"
    )
    end = attend(parts, level, graph, kind)
    attention = f" and {ATTENTION[level.kind]}" if level.has_context else ""
    return definition(
        f"Concatenate one encoder skip{route.doc}, then a residual block{attention}.",
        graph,
        [
            port("x", "map", "B in_channels H W"),
            port("skip", "skip", "B skip_channels H W"),
            *(port(one, "control", "B skip_channels H W") for one in route.stacks),
            TEMB_IN,
            *kind.inputs,
        ],
        [port("x", "map", "B out_channels H W", end)],
        {
            **IN,
            "skip_channels": integer("channels of the skip"),
            **OUT,
            **TEMB,
            **kind.parameters,
            **route.parameters,
            **GROUPS,
            **FUSE,
        },
        LDM,
    )


def middle(parts: Parts, level: Level, factor: float = 1.0) -> str:
    """Return the name of the bottleneck: one residual block, or two around a transformer."""
    return parts.have("Middle", lambda: _middle(parts, level, factor))


def _middle(parts: Parts, level: Level, factor: float) -> Json:
    graph = Graph()
    kind = Kind.of(level.single())
    bare = parts.style.bare_time and level.kind == "mixed"
    res = parts.res_block(Residual(factor, not bare, scaled="Middle"))
    params = {"out_channels": "channels", **PASS}
    graph.call("res", res, params, x="x", temb="temb")
    end = attend(parts, level, graph, kind)
    if level.has_context:
        end = graph.call("res2", res, params, x=end, temb="temb") + ".x"
    what = (
        f"residual block, {ATTENTION[level.kind]}, residual block"
        if level.has_context
        else "one residual block"
    )
    return definition(
        f"The bottleneck: {what}.",
        graph,
        [port("x", "map", "B channels H W"), TEMB_IN, *kind.inputs],
        [port("x", "map", "B channels H W", end)],
        {"channels": integer("channels of the map"), **TEMB, **kind.parameters, **GROUPS},
        LDM,
    )
