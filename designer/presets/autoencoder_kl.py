"""The autoencoder of latent diffusion (Rombach et al. 2022): a convolutional encoder and decoder around a Gaussian.

No denoiser: nothing that goes in is noisy and nothing that comes out is a prediction, so its ports have other
roles. The encoder is the node that puts out the moments, the decoder the one that puts out the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from designer.presets import Preset
from designer.presets.autoencoder_parts import CLEAN, GROUPS, PASS, Blocks
from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_attention import LDM
from designer.presets.pixel_unet import document

LATENT = {"latent_channels": integer("channels of the latent")}
CHANNELS = {
    "channels": integers("channels of each level, finest first"),
    "num_blocks": integer("residual blocks of an encoder level"),
}
ONE = {"kernel_size": 1, "padding": 0}
FINEST_FIRST = {"in_channels": "channels[max(i - 1, 0)]", "out_channels": "channels[i]"}
COARSEST = "channels[-1]"
COARSEST_FIRST = {
    "in_channels": "channels[len(channels) - max(i, 1)]",
    "out_channels": "channels[len(channels) - 1 - i]",
}


@dataclass(frozen=True)
class Autoencoder:
    """Sizes and choices of an autoencoder; `down_attention` and `up_attention` say in which levels pixels attend.

    `quant` are the 1×1 convolutions on the side of the encoder and of the decoder, `training` says how latents
    are scaled for a denoiser, and how large the images are.
    """

    channels: tuple[int, ...]
    latent_channels: int = 4
    image_channels: tuple[int, int] = (3, 3)  # in, out
    num_blocks: int = 2
    num_groups: int = 32
    act: str = "SiLU"
    quant: tuple[bool, bool] = (True, True)
    mid_attention: bool = True
    down_attention: tuple[bool, ...] = ()
    up_attention: tuple[bool, ...] = ()
    training: Json = field(default_factory=dict)
    names: tuple[str, str, str] = ("x", "image", "moments")


def autoencoder(net: Autoencoder, name: str) -> Json:
    """Return the document of an autoencoder."""
    blocks = Blocks(net.act, net.mid_attention)
    encoder, decoder = _encoder(net, blocks), _decoder(net, blocks)
    definitions = {
        "AutoencoderKL": _whole(net),
        "Encoder": encoder,
        "Decoder": decoder,
        **dict(reversed(blocks.parts.definitions.items())),
    }
    values = {key: one["default"] for key, one in definitions["AutoencoderKL"]["parameters"].items()}
    return document(name, definitions, values, net.training)


def _whole(net: Autoencoder) -> Json:
    graph, (x, image, moments) = Graph(), net.names
    shared = {"channels": "channels", "num_blocks": "num_blocks", **PASS}
    down = {"down_attention": "down_attention"} if any(net.down_attention) else {}
    up = {"up_attention": "up_attention"} if any(net.up_attention) else {}
    graph.call("encoder", "Encoder", {"latent_channels": "latent_channels", **shared, **down}, x=x)
    graph.call("posterior", "GaussianPosterior", moments="encoder.moments")
    graph.call("decoder", "Decoder", {"out_channels": "out_channels", **shared, **up}, z="posterior.latent")
    parameters = {
        "in_channels": integer("channels of the image", net.image_channels[0]),
        "out_channels": integer("channels of the decoded image", net.image_channels[1]),
        "latent_channels": integer("channels of the latent", net.latent_channels),
        "channels": integers("channels of each level, finest first", net.channels),
        "num_blocks": integer("residual blocks of an encoder level; a decoder level has one more", net.num_blocks),
        "num_groups": integer("groups of the normalisations", net.num_groups),
        **({"down_attention": _levels("encoder", net.down_attention)} if down else {}),
        **({"up_attention": _levels("decoder", net.up_attention)} if up else {}),
    }  # fmt: skip
    return definition(
        "Variational autoencoder: an image becomes the mean and log-variance of a latent, a latent an image.",
        graph,
        [port(x, "clean", "B in_channels H W", help="image in [-1, 1]")],
        [
            port(image, "image", "", "decoder.image"),
            port(moments, "moments", "", "encoder.moments"),
        ],
        parameters,
        LDM,
    )


def _levels(side: str, attention: Sequence[bool] | None = None) -> Json:
    default = {} if attention is None else {"default": list(attention)}
    return {"type": "list", **default, "help": f"whether each {side} level attends, in its order"}


def _encoder(net: Autoencoder, blocks: Blocks) -> Json:
    graph, attentive = Graph(), any(net.down_attention)
    graph.call("conv_in", "Conv2d", {"out_channels": "channels[0]"}, x="x")
    level = {**FINEST_FIRST, "num_blocks": "num_blocks", "downsample": "i < len(channels) - 1", **PASS}
    if attentive:
        level["attention"] = "down_attention[i]"
    graph.call(
        "levels", blocks.level(up=False, attentive=attentive), level, repeat="len(channels)", x="conv_in.out"
    )
    graph.call("mid", blocks.middle(), {"channels": COARSEST, **PASS}, x="levels.x")
    end = blocks.finish(graph, "mid.x", COARSEST, "2*latent_channels")
    if net.quant[0]:
        end = graph.call("quant", "Conv2d", {"out_channels": "2*latent_channels", **ONE}, x=end) + ".out"
    return definition(
        "From an image to the mean and log-variance of its latent: levels that halve, then the middle.",
        graph,
        [port("x", "map", "B in_channels H W")],
        [port("moments", "moments", "", end)],
        {
            "in_channels": integer("channels of the image"), **LATENT, **CHANNELS, **GROUPS,
            **({"down_attention": _levels("encoder")} if attentive else {}),
        },
        LDM,
    )  # fmt: skip


def _decoder(net: Autoencoder, blocks: Blocks) -> Json:
    graph, attentive = Graph(), any(net.up_attention)
    z = (
        graph.call("post_quant", "Conv2d", {"out_channels": "latent_channels", **ONE}, x="z") + ".out"
        if net.quant[1]
        else "z"
    )
    graph.call("conv_in", "Conv2d", {"out_channels": COARSEST}, x=z)
    graph.call("mid", blocks.middle(), {"channels": COARSEST, **PASS}, x="conv_in.out")
    level = {**COARSEST_FIRST, "num_blocks": "num_blocks + 1", "upsample": "i < len(channels) - 1", **PASS}
    if attentive:
        level["attention"] = "up_attention[i]"
    graph.call("levels", blocks.level(up=True, attentive=attentive), level, repeat="len(channels)", x="mid.x")
    end = blocks.finish(graph, "levels.x", "channels[0]", "out_channels")
    return definition(
        "From a latent to its image: the middle, then levels that double, coarsest first.",
        graph,
        [port("z", "map", "B latent_channels H W")],
        [port("image", "image", "", end)],
        {
            **LATENT, "out_channels": integer("channels of the image"), **CHANNELS, **GROUPS,
            **({"up_attention": _levels("decoder")} if attentive else {}),
        },
        LDM,
    )  # fmt: skip


SD = (128, 256, 512, 512)
# How such networks are trained here: the squared error of the image and a little of the divergence; with more of
# it, as in the tiny size, latents come out about as loud as a denoiser wants them.
RECONSTRUCTION: Json = {**CLEAN, "kl_weight": 1e-6}


def _preset(
    id: str, title: str, summary: str, net: Autoencoder, reference: str = LDM, count: int | None = None
) -> Preset:
    return Preset(id, "autoencoder-kl", title, summary, reference, partial(autoencoder, net, title), count)


def _large(
    latent_channels: int, quant: bool, scaling: float, shift: float = 0.0, side: int = 512
) -> Autoencoder:
    scale = {"scaling_factor": scaling, **({"shift_factor": shift} if shift else {})}
    return Autoencoder(
        SD,
        latent_channels,
        quant=(quant, quant),
        training={**RECONSTRUCTION, **scale, "sample_shape": [3, side, side]},
    )


TINY = Autoencoder(
    (32, 64),
    4,
    (1, 1),
    1,
    8,
    training={**RECONSTRUCTION, "kl_weight": 1e-2, "scaling_factor": 1.0, "sample_shape": [1, 16, 16]},
)
PRESETS = (
    _preset("vae-tiny", "Autoencoder, tiny (16×16 digits)", "Two levels: 16×16 digits become latents of 4×8×8.", TINY),
    _preset("vae-sd", "Autoencoder of Stable Diffusion 1 and 2", "The published 83.7 M parameter autoencoder: 4 latent channels, an eighth of the size.", _large(4, True, 0.18215), LDM, 83_653_863),
    _preset("vae-sdxl", "Autoencoder of SDXL", "The same network as Stable Diffusion's, trained anew; its latents are scaled by 0.13025.", _large(4, True, 0.13025, side=1024), "Podell et al. 2023, arXiv:2307.01952", 83_653_863),
    _preset("vae-sd3", "Autoencoder of Stable Diffusion 3", "16 latent channels, no 1×1 convolutions around the latent.", _large(16, False, 1.5305, 0.0609, 1024), "Esser et al. 2024, arXiv:2403.03206", 83_819_683),
    _preset("vae-flux", "Autoencoder of FLUX.1", "The network of Stable Diffusion 3's autoencoder with weights and scale of its own.", _large(16, False, 0.3611, 0.1159, 1024), "Black Forest Labs 2024, FLUX.1", 83_819_683),
)  # fmt: skip
