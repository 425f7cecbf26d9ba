"""The distilled autoencoder that draws previews (TAESD): plain convolutions in the place of SD's autoencoder.

It was trained on the scaled latents of the large one, so its own need no scale. No denoiser: its input is clean.
"""

from dataclasses import dataclass, field
from functools import partial

from designer.presets import Preset
from designer.presets.autoencoder_parts import CLEAN
from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.pixel_unet import document
from designer.presets.residual_block import activation

TAESD = "Bohan 2023, TAESD: tiny autoencoder for Stable Diffusion"
PLAIN = {"out_channels": "channels", "bias": False}
BLOCKS = {"num_blocks": integer("residual blocks", 1, 0)}
LEVELS = {
    "channels": integer("channels of each level"),
    "num_blocks": integers("residual blocks of each level"),
}
HALF = {"factor": 0.5}
RANGE = 3.0  # how far latents of a decoder go


@dataclass(frozen=True)
class TinyAutoencoder:
    """Sizes and choices; widths and numbers of blocks are those of the encoder and of the decoder."""

    channels: tuple[int, int] = (64, 64)
    encoder_blocks: tuple[int, ...] = (1, 3, 3, 3)
    decoder_blocks: tuple[int, ...] = (3, 3, 3, 1)
    latent_channels: int = 4
    image_channels: tuple[int, int] = (3, 3)  # in, out
    act: str = "ReLU"
    upsample: str = "UpsampleNearest"
    training: Json = field(default_factory=dict)
    names: tuple[str, str] = ("x", "image")


def tiny_autoencoder(net: TinyAutoencoder, name: str) -> Json:
    """Return the document of a tiny autoencoder."""
    main = _whole(net)
    definitions = {
        "TinyAutoencoder": main,
        "Encoder": _encoder(),
        "Decoder": _decoder(net.act),
        "EncoderLevel": _level(up=""),
        "DecoderLevel": _level(net.upsample),
        "ConvBlock": _block(net.act),
    }
    values = {key: one["default"] for key, one in main["parameters"].items()}
    return document(name, definitions, values, {**CLEAN, **net.training})


def _whole(net: TinyAutoencoder) -> Json:
    graph, (x, image) = Graph(), net.names
    parameters = {
        "in_channels": integer("channels of the image", net.image_channels[0]),
        "out_channels": integer("channels of the decoded image", net.image_channels[1]),
        "latent_channels": integer("channels of the latent", net.latent_channels),
        "encoder_channels": integer("channels of each encoder level", net.channels[0]),
        "decoder_channels": integer("channels of each decoder level", net.channels[1]),
        "encoder_blocks": integers("residual blocks of each encoder level, finest first", net.encoder_blocks),
        "decoder_blocks": integers(
            "residual blocks of each decoder level, coarsest first", net.decoder_blocks
        ),
    }
    encoder = {
        "latent_channels": "latent_channels",
        "channels": "encoder_channels",
        "num_blocks": "encoder_blocks",
    }
    decoder = {"out_channels": "out_channels", "channels": "decoder_channels", "num_blocks": "decoder_blocks"}
    graph.call("encoder", "Encoder", encoder, x=x)
    graph.call("decoder", "Decoder", decoder, z="encoder.latent")
    return definition(
        "Autoencoder for previews: an image becomes a latent, a latent an image.",
        graph,
        [port(x, "clean", "B in_channels H W", help="image in [-1, 1]")],
        [port(image, "image", "", "decoder.image"), port("latent", "latent", "", "encoder.latent")],
        parameters,
        TAESD,
    )


def _encoder() -> Json:
    graph = Graph()
    graph.call("above_zero", "AddNumber", {"value": 1.0}, x="x")
    graph.call("to_unit", "Scale", HALF, x="above_zero.out")
    graph.call("conv_in", "Conv2d", {"out_channels": "channels"}, x="to_unit.out")
    level = {"num_blocks": "num_blocks[i]", "downsample": "i > 0"}
    graph.call("levels", "EncoderLevel", level, repeat="len(num_blocks)", x="conv_in.out")
    graph.call("conv_out", "Conv2d", {"out_channels": "latent_channels"}, x="levels.x")
    return definition(
        "From an image to its latent: levels that halve, then blocks.",
        graph,
        [port("x", "map", "B in_channels H W")],
        [port("latent", "latent", "", "conv_out.out")],
        {"in_channels": integer("channels of the image"), "latent_channels": integer("channels of the latent"), **LEVELS},
        TAESD,
    )  # fmt: skip


def _decoder(act: str) -> Json:
    graph = Graph()
    graph.call("shrink", "Scale", {"factor": f"1/{RANGE:g}"}, x="z")
    graph.call("bound", "Tanh", x="shrink.out")
    graph.call(
        "stretch", "Scale", {"factor": RANGE}, x="bound.out", help=f"latents are kept within ±{RANGE:g}"
    )
    graph.call("conv_in", "Conv2d", {"out_channels": "channels"}, x="stretch.out")
    act_in = activation(graph, "act_in", act, "conv_in.out")
    level = {"num_blocks": "num_blocks[i]", "upsample": "i < len(num_blocks) - 1"}
    graph.call("levels", "DecoderLevel", level, repeat="len(num_blocks)", x=act_in)
    graph.call("conv_out", "Conv2d", {"out_channels": "out_channels"}, x="levels.x")
    graph.call("centre", "CenterInput", x="conv_out.out")
    return definition(
        "From a latent to its image: blocks, then levels that double, coarsest first.",
        graph,
        [port("z", "map", "B latent_channels H W")],
        [port("image", "image", "", "centre.out")],
        {"latent_channels": integer("channels of the latent"), "out_channels": integer("channels of the image"), **LEVELS},
        TAESD,
    )  # fmt: skip


def _level(up: str) -> Json:
    graph, switch = Graph(), "upsample" if up else "downsample"
    if up:
        graph.call("blocks", "ConvBlock", repeat="num_blocks", x="x")
        graph.call("up", up, when=switch, x="blocks.x")
        end = graph.call("conv", "Conv2d", PLAIN, when=switch, x="up.out") + ".out"
    else:
        graph.call("down", "Conv2d", {**PLAIN, "stride": 2}, when=switch, x="x")
        end = graph.call("blocks", "ConvBlock", repeat="num_blocks", x="down.out") + ".x"
    change = {
        "type": "bool",
        "default": True,
        "help": "double the resolution" if up else "halve the resolution",
    }
    return definition(
        "One resolution: blocks, then twice the size."
        if up
        else "One resolution: half the size, then blocks.",
        graph,
        [port("x", "map", "B channels H W")],
        [port("x", "map", "", end)],
        {"channels": integer("channels of the map"), **BLOCKS, switch: change},
        TAESD,
    )


def _block(act: str) -> Json:
    graph, out = Graph(), {"out_channels": "channels"}
    h = "x"
    for index in (1, 2, 3):
        graph.call(f"conv{index}", "Conv2d", out, x=h)
        h = activation(graph, f"act{index}", act, f"conv{index}.out") if index < 3 else "conv3.out"
    graph.call("add", "Add", a=h, b="x")
    graph.call("fuse", "ReLU", x="add.out")
    return definition(
        "Residual block without normalisation: three convolutions, and an activation behind the sum.",
        graph,
        [port("x", "map", "B channels H W")],
        [port("x", "map", "B channels H W", "fuse.out")],
        {"channels": integer("channels of the map")},
        TAESD,
    )


def _preset(id: str, title: str, summary: str, net: TinyAutoencoder, count: int | None = None) -> Preset:
    return Preset(id, "autoencoder-tiny", title, summary, TAESD, partial(tiny_autoencoder, net, title), count)


SMALL = TinyAutoencoder((16, 16), (1, 1), (1, 1), 4, (1, 1), training={"sample_shape": [1, 16, 16]})
PRESETS = (
    _preset("taesd-tiny", "TAESD, tiny (16×16 digits)", "Two levels of 16 channels, for digits.", SMALL),
    _preset("taesd", "TAESD", "The published 2.4 M parameter autoencoder: previews of Stable Diffusion's latents in milliseconds.", TinyAutoencoder(training={"sample_shape": [3, 512, 512]}), 2_445_063),
    _preset("taef1", "TAESD for FLUX.1 and SD3", "The same network for 16 latent channels.", TinyAutoencoder(latent_channels=16, training={"sample_shape": [3, 1024, 1024]})),
)  # fmt: skip
