"""What is attached to a frozen latent U-Net: control residuals on its skips, adapter maps in its encoder."""

from dataclasses import dataclass, field

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_attention import GROUPS
from designer.presets.latent_hint import CONTROLNET
from designer.presets.latent_levels import PASS, PLAIN, Kind, Level, Route, block_of, downsample
from designer.presets.latent_parts import IN, OUT, TEMB, TEMB_IN, Parts
from designer.presets.latent_unet import finish
from designer.presets.latent_writer import Writer
from designer.presets.t2i_adapter import T2I

STRENGTH = {"type": "float", "default": 1.0, "min": 0, "help": "weight of what is added; 0 switches it off"}


@dataclass(frozen=True)
class ControlRoute(Route):
    """A skip to which the residual of a ControlNet is added."""

    prefix: str = "Controlled"
    doc: str = " with its control residual"
    stacks: dict[str, str] = field(default_factory=lambda: {"control": "controls"})
    parameters: dict[str, Json] = field(default_factory=lambda: {"strength": STRENGTH})
    values: dict[str, str] = field(default_factory=lambda: {"strength": "strength"})
    main_parameters: dict[str, Json] = field(default_factory=lambda: {"control_strength": STRENGTH})
    main_values: dict[str, str] = field(default_factory=lambda: {"strength": "control_strength"})

    def write(self, parts: Parts, graph: Graph, skip: str) -> str:
        """Add the control residual to the skip."""
        strength = {"strength": "strength"}
        return graph.call("inject", "ControlResidual", strength, x=skip, control="control") + ".out"


def attached_unet(writer: Writer, doc: str, control: bool = False, adapter: bool = False) -> Json:
    """Return the main definition of a U-Net with inputs for what is attached to it.

    `control`: a stack of residuals for the skips of each level, and one for the middle. `adapter`: a map for
    each level of the encoder.
    """
    graph, network = writer.graph, writer.network
    levels = range(len(network.channels))
    temb, start = writer.embedding(), writer.conv_in()
    extra: dict[str, Json] = {}
    if adapter:
        extra |= {f"adapter_{index}": _map(index) for index in levels}
        writer.values.parameters["adapter_strength"] = STRENGTH
        maps = {index: {"feature": f"adapter_{index}"} for index in levels}
        trunk = writer.encoder(start, temb, adapted_level, maps, {"strength": "adapter_strength"})
    else:
        trunk = writer.encoder(start, temb)
    trunk = writer.middle(trunk, temb)
    route, stacks = PLAIN, {}
    if control:
        extra |= {f"control_{index}": _stack(network.down[index], index) for index in levels}
        shape = f"B channels[{levels[-1]}] {side('H', levels[-1])} {side('W', levels[-1])}"
        extra["control_mid"] = port("control_mid", "control", shape, help="residual for the middle")
        trunk = _join(graph, "inject_mid", "control_strength", trunk, "control_mid")
        route, stacks = ControlRoute(), {index: {"controls": f"control_{index}"} for index in levels}
    trunk = finish(writer, writer.decoder(trunk, temb, route, stacks))
    output = port("out", "prediction", "B out_channels H W", trunk)
    reference = CONTROLNET if control else T2I
    return definition(doc, graph, writer.inputs(extra), [output], writer.values.parameters, reference)


def _join(graph: Graph, node: str, strength: str, trunk: str, added: str) -> str:
    return graph.call(node, "ControlResidual", {"strength": strength}, x=trunk, control=added) + ".out"


def side(letter: str, index: int) -> str:
    """Return a side of the maps of a level."""
    return letter if index == 0 else f"{letter}//{2**index}"


def _map(index: int) -> Json:
    shape = f"B channels[{index}] {side('H', index)} {side('W', index)}"
    return port(f"adapter_{index}", "control", shape, help=f"map of an adapter for level {index}")


def _stack(level: Level, index: int) -> Json:
    """The input for the residuals of a level: one for its input, which has the channels of the level above."""
    sizes = f"[channels[{max(index - 1, 0)}]]+[channels[{index}]]*{level.blocks}"
    shape = f"B {sizes} {side('H', index)} {side('W', index)}"
    return port(
        f"control_{index}", "control", shape, stack=True, help=f"residuals for the skips of level {index}"
    )


def adapted_level(parts: Parts, level: Level) -> str:
    """Return the name of an encoder level to whose last block a map is added, before its skip is stored."""
    kind = Kind.of(level)
    return parts.have(f"Adapted{kind.prefix}DownLevel", lambda: _adapted_level(parts, level, kind))


def _adapted_level(parts: Parts, level: Level, kind: Kind) -> Json:
    graph = Graph()
    block = block_of(parts, level)
    params = {"out_channels": "out_channels", **kind.values, **PASS}
    graph.call("blocks", block, params, repeat="num_blocks - 1", x="x", **kind.edges())
    graph.call("last", block, params, x="blocks.x", **kind.edges())
    end = _join(graph, "adapt", "strength", "last.x", "feature")
    graph.call("push", "PushSkip", first="x", rest="blocks.x[]")
    graph.call("push_last", "PushLast", stack="push.out", last=end)
    return definition(
        "One encoder resolution with a map of an adapter added to its last block: blocks, then halving.",
        graph,
        [
            port("x", "map", "B in_channels H W"),
            port("feature", "control", "B out_channels H W"),
            TEMB_IN,
            *kind.inputs,
        ],
        [
            port("x", "map", source=downsample(parts, level, graph, end)),
            port("skips", "skip", source="push_last.out", stack=True),
        ],
        {
            **IN,
            **OUT,
            "num_blocks": integer("residual blocks", 2, 1, 16),
            **TEMB,
            **kind.parameters,
            "strength": STRENGTH,
            **GROUPS,
            "downsample": {"type": "bool", "default": True, "help": "halve the resolution at the end"},
        },
        T2I,
    )
