"""SCEdit's CSC-Tuner (Jiang et al. 2023): tuners on the skips of a frozen U-Net that also see a hint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from designer.presets import Preset
from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_attached import STRENGTH
from designer.presets.latent_hint import hint_encoder
from designer.presets.latent_levels import Route
from designer.presets.latent_parts import IN, OUT, Parts
from designer.presets.latent_unet import finish
from designer.presets.latent_writer import LatentUNet, Writer, document
from designer.presets.residual_block import activation
from designer.presets.sc_tuner import SCEDIT
from designer.presets.stable_diffusion import SD15, TINY, training

DOC = "Predicts the noise of a noisy latent at timestep t for a text; a hint steers tuners on the skips."


@dataclass(frozen=True)
class HintedRoute(Route):
    """A skip that passes a CSC-Tuner with its hint."""

    prefix: str = "Hinted"
    doc: str = " behind its tuner"
    stacks: Mapping[str, str] = field(default_factory=lambda: {"control": "controls"})
    parameters: Mapping[str, Json] = field(default_factory=lambda: {"strength": STRENGTH})
    values: Mapping[str, str] = field(default_factory=lambda: {"strength": "strength"})
    main_parameters: Mapping[str, Json] = field(default_factory=lambda: {"hint_strength": STRENGTH})
    main_values: Mapping[str, str] = field(default_factory=lambda: {"strength": "hint_strength"})

    def write(self, parts: Parts, graph: Graph, skip: str) -> str:
        """Put the tuner on the skip."""
        name = parts.have("CSCTuner", csc_tuner)
        return graph.call("tuner", name, {"strength": "strength"}, x=skip, hint="control") + ".x"


def csc_tuner() -> Json:
    """Return the tuner: s + γ (c + W₂ GELU(W₁ (s + c))) at each pixel, W₂ zero at the start."""
    graph = Graph()
    graph.call("join", "Add", a="x", b="hint")
    graph.call("fc1", "Conv2d", {"out_channels": "channels", "kernel_size": 1, "padding": 0}, x="join.out")
    act = activation(graph, "act", "GELU", "fc1.out")
    graph.call("fc2", "ZeroConv", {"out_channels": "channels"}, x=act, help="starts at 0, as the hint does")
    graph.call("tuned", "Add", a="hint", b="fc2.out")
    graph.call("inject", "ControlResidual", {"strength": "strength"}, x="x", control="tuned.out")
    return definition(
        "A residual two-layer map on each pixel of a skip and a hint.",
        graph,
        [port("x", "skip", "B channels H W"), port("hint", "control", "B channels H W")],
        [port("x", "skip", "B channels H W", "inject.out")],
        {"channels": integer("channels of the skip"), "strength": STRENGTH},
        SCEDIT,
    )


def _hint_tap() -> Json:
    graph = Graph()
    zero = {"out_channels": "out_channels", "kernel_size": 3, "padding": 1}
    graph.call("zero", "ZeroConv", zero, x=activation(graph, "act", "SiLU", "x"))
    return definition(
        "The hint of one skip: features through SiLU and a zero convolution.",
        graph,
        [port("x", "map", "B in_channels H W")],
        [port("x", "map", source="x"), port("hint", "control", "B out_channels H W", "zero.out")],
        {**IN, **OUT},
        SCEDIT,
    )


def _hint_level() -> Json:
    graph = Graph()
    graph.call("down", "Conv2d", {"out_channels": "in_channels", "stride": 2}, when="downsample", x="x")
    graph.call("tap_in", "HintTap", {"out_channels": "above"}, x="down.out")
    graph.call("taps", "HintTap", {"out_channels": "out_channels"}, repeat="num_blocks", x="down.out")
    graph.call("push", "PushSkip", first="tap_in.hint", rest="taps.hint[]")
    return definition(
        "The hints of one level: features, halved, and a tap for each skip.",
        graph,
        [port("x", "map", "B in_channels H W")],
        [port("x", "map", source="down.out"), port("hints", "control", source="push.out", stack=True)],
        {
            **IN,
            "above": integer("channels of the level's first skip, which are those of the level above"),
            **OUT,
            "num_blocks": integer("residual blocks of the level", 2),
            "downsample": {"type": "bool", "default": True, "help": "halve the features first"},
        },
        SCEDIT,
    )


def _hint_network(parts: Parts, levels: int) -> Json:
    """The hints of all levels."""
    graph = Graph()
    parts.have("HintTap", _hint_tap)
    level = parts.have("HintLevel", _hint_level)
    encoder = {"hint_channels": "hint_channels", "out_channels": "hint_channels[-1]"}
    trunk = graph.call("encoder", hint_encoder(parts, "Conv2d"), encoder, hint="hint") + ".x"
    for index in range(levels):
        values = {
            "above": f"channels[{max(index - 1, 0)}]",
            "out_channels": f"channels[{index}]",
            "num_blocks": "num_blocks",
            "downsample": index > 0,
        }
        trunk = graph.call(f"level_{index}", level, values, x=trunk) + ".x"
    return definition(
        "A hint such as edges or depth as a map for each skip.",
        graph,
        [port("hint", "control", "B hint_in H W")],
        [
            port(f"control_{index}", "control", source=f"level_{index}.hints", stack=True)
            for index in range(levels)
        ],
        {
            "hint_in": integer("channels of the hint"),
            "hint_channels": integers("channels of the hint at each resolution"),
            "channels": integers("channels of each level of the U-Net"),
            "num_blocks": integer("residual blocks of a level of the U-Net", 2),
        },
        SCEDIT,
    )


def csc_tuned_unet(
    network: LatentUNet,
    name: str,
    side: int,
    hint_in: int = 3,
    hint_channels: tuple[int, ...] = (16, 32, 96, 256),
    adapting: bool = True,
) -> Json:
    """Return the document of a U-Net whose skips pass CSC-Tuners, all else being frozen when `adapting`."""
    writer = Writer(network)
    graph, parts = writer.graph, writer.parts
    levels = range(len(network.channels))
    temb = writer.embedding()
    writer.values.parameters |= {
        "hint_in": integer("channels of the hint", hint_in),
        "hint_channels": integers("channels of the hint at each resolution", hint_channels),
    }
    hints = parts.have("HintNetwork", lambda: _hint_network(parts, len(levels)))
    own = {key: key for key in ("hint_in", "hint_channels", "channels", "num_blocks")}
    graph.call("hints", hints, own, hint="hint")
    trunk = writer.middle(writer.encoder(writer.conv_in(), temb), temb)
    stacks = {index: {"controls": f"hints.control_{index}"} for index in levels}
    trunk = finish(writer, writer.decoder(trunk, temb, HintedRoute(), stacks))
    factor = 2 ** (len(hint_channels) - 1)
    hint = port(
        "hint", "control", f"B hint_in {factor}*H {factor}*W", help="a hint such as edges, depth or pose"
    )
    output = port("out", "prediction", "B out_channels H W", trunk)
    main = definition(DOC, graph, writer.inputs({"hint": hint}), [output], writer.values.parameters, SCEDIT)
    settings = training("epsilon", network.in_channels, side)
    if adapting:
        settings |= {"frozen": ["UNet"], "trainable": ["CSCTuner", "HintNetwork"]}
    return document(name, "UNet", {**parts.definitions, "UNet": main}, settings)


PRESETS = (
    Preset(
        id="csc-tuner-tiny",
        family="sc-tuner",
        title="CSC-Tuner, tiny",
        summary="The tiny Stable Diffusion U-Net with a tuner on each skip that a hint steers.",
        reference=SCEDIT,
        document=partial(csc_tuned_unet, TINY, "CSC-Tuner, tiny", 16, 1, (16, 32), False),
    ),
    Preset(
        id="csc-tuner-sd15",
        family="sc-tuner",
        title="CSC-Tuner on Stable Diffusion 1.5",
        summary="Tuners on the 12 skips of the published U-Net, steered by a hint.",
        reference=SCEDIT,
        document=partial(csc_tuned_unet, SD15, "CSC-Tuner on Stable Diffusion 1.5", 64),
    ),
)
