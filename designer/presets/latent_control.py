"""The encoder of a ControlNet: a hint beside the latent, a zero convolution on everything that leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_attention import GROUPS
from designer.presets.latent_hint import CONTROLNET, hint_encoder
from designer.presets.latent_levels import PASS, Kind, Level, attend, downsample, residual
from designer.presets.latent_parts import IN, OUT, TEMB, TEMB_IN, Parts
from designer.presets.latent_writer import LatentUNet, Writer, document

DOC = (
    "An encoder beside a frozen U-Net: reads a hint and puts out a residual for each skip and for the middle."
)


@dataclass(frozen=True)
class ControlNet:
    """A control network: the encoder half of `network`, and its hint.

    `reversed_hint` takes blue, green, red; `pooled` residuals are means over the pixels.
    """

    network: LatentUNet
    hint_in: int = 3
    hint_channels: tuple[int, ...] = (16, 32, 96, 256)
    reversed_hint: bool = False
    pooled: bool = False


def controlnet(
    control: ControlNet, name: str, training: Mapping[str, Any] | None = None, reference: str = CONTROLNET
) -> Json:
    """Return the document of a ControlNet; its residuals are one list, as its users expect."""
    writer = Writer(control.network)
    main = controlnet_definition(writer, control, reference, joined=True)
    return document(name, "ControlNet", {**writer.parts.definitions, "ControlNet": main}, training)


def controlnet_definition(writer: Writer, control: ControlNet, reference: str, joined: bool) -> Json:
    """Return the main definition of a ControlNet: residuals of each level, or of all levels `joined`."""
    graph, network, parts = writer.graph, control.network, writer.parts
    temb = writer.embedding()
    writer.values.parameters |= {
        "hint_in": integer("channels of the hint", control.hint_in),
        "hint_channels": integers("channels of the hint at each resolution", control.hint_channels),
    }
    writer.conv_in()
    hint = network.name("hint")
    if control.reversed_hint:
        hint = graph.call("flip", "FlipChannels", x=hint) + ".out"
    encoder = {"hint_channels": "hint_channels", "out_channels": "channels[0]"}
    graph.call("hint_encoder", hint_encoder(parts), encoder, hint=hint)
    graph.call("add_hint", "Add", a="conv_in.out", b="hint_encoder.x")

    def level(parts: Parts, one: Level) -> str:
        return control_level(parts, one, control.pooled)

    trunk = writer.middle(writer.encoder("add_hint.out", temb, level), temb)
    middle = zero(graph, "zero_mid", f"channels[{len(network.channels) - 1}]", trunk, control.pooled)
    stacks = {f"control_{index}": f"down_{index}.residuals" for index in range(len(network.down))}
    if joined:
        stacks = {"control": _joined(graph, list(stacks.values()))}
    outputs = [port(name, "control", source=end, stack=True) for name, end in stacks.items()]
    outputs.append(port("control_mid", "control", source=middle))
    size = 2 ** (len(control.hint_channels) - 1)
    shape = f"B hint_in {size}*H {size}*W" if size > 1 else "B hint_in H W"
    inputs = writer.inputs(
        {"hint": port("hint", "control", shape, help="a hint such as edges, depth or pose")}
    )
    return definition(DOC, graph, inputs, outputs, writer.values.parameters, reference)


def _joined(graph: Graph, stacks: list[str]) -> str:
    """Join stacks from left to right; return the endpoint."""
    whole = stacks[0]
    for index, stack in enumerate(stacks[1:], 1):
        node = "residuals" if index == len(stacks) - 1 else f"residuals_to_{index}"
        whole = graph.call(node, "JoinStacks", a=whole, b=stack) + ".out"
    return whole


def control_level(parts: Parts, level: Level, pooled: bool) -> str:
    """Return the name of an encoder level whose skips pass zero convolutions, and a mean if `pooled`."""
    kind = Kind.of(level)
    return parts.have(f"Control{kind.prefix}Level", lambda: _control_level(parts, level, kind, pooled))


def _control_level(parts: Parts, level: Level, kind: Kind, pooled: bool) -> Json:
    graph = Graph()
    single = Kind.of(level.single())
    block = parts.have(f"Control{single.prefix}Block", lambda: _control_block(parts, level, single, pooled))
    params = {"out_channels": "out_channels", **kind.values, **PASS}
    first = zero(graph, "zero_in", "in_channels", "x", pooled)
    graph.call("blocks", block, params, repeat="num_blocks", x="x", **kind.edges())
    graph.call("push", "PushSkip", first=first, rest="blocks.residual[]")
    down = downsample(parts, level, graph, "blocks.x")
    return definition(
        "One resolution of a ControlNet: an encoder level, a zero convolution on its input and on each block.",
        graph,
        [port("x", "map", "B in_channels H W"), TEMB_IN, *kind.inputs],
        [port("x", "map", source=down), port("residuals", "control", source="push.out", stack=True)],
        {
            **IN,
            **OUT,
            "num_blocks": integer("residual blocks", 2, 1, 16),
            **TEMB,
            **kind.parameters,
            **GROUPS,
            "downsample": {"type": "bool", "default": True, "help": "halve the resolution at the end"},
        },
        CONTROLNET,
    )


def _control_block(parts: Parts, level: Level, kind: Kind, pooled: bool) -> Json:
    graph = Graph()
    graph.call("res", residual(parts, level), {"out_channels": "out_channels", **PASS}, x="x", temb="temb")
    end = attend(parts, level, graph, kind)
    what = "Residual block and attention" if level.has_context else "Residual block"
    return definition(
        f"{what}; a copy leaves through a zero convolution.",
        graph,
        [port("x", "map", "B in_channels H W"), TEMB_IN, *kind.inputs],
        [
            port("x", "map", "B out_channels H W", end),
            port(
                "residual",
                "control",
                "" if pooled else "B out_channels H W",
                zero(graph, "zero", "out_channels", end, pooled),
            ),
        ],
        {**IN, **OUT, **TEMB, **kind.parameters, **GROUPS},
        CONTROLNET,
    )


def zero(graph: Graph, node: str, channels: str, source: str, pooled: bool) -> str:
    """Add a zero convolution, and the mean over the pixels if `pooled`; return the endpoint."""
    end = graph.call(node, "ZeroConv", {"out_channels": channels}, x=source) + ".out"
    return (
        graph.call(f"{node}_mean", "Mean", {"dims": [2, 3], "keepdim": True}, x=end) + ".out"
        if pooled
        else end
    )
