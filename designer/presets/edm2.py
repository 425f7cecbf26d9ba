"""EDM2 (Karras et al. 2023): every layer, sum and concatenation keeps the magnitude of what passes."""

from dataclasses import dataclass
from functools import partial

from designer.presets import Preset
from designer.presets.edm import preconditioned
from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.pixel_parts import SHARED, TEMB, TEMB_IN, Parts, Style, declared, passed
from designer.presets.pixel_unet import Level, Mid, bottleneck, decoder, document, encoder, multiple

REFERENCE = "Karras et al. 2023, arXiv:2312.02696"
BALANCE = 0.3  # share of a branch in a residual sum
ONE = {"kernel_size": 1}
ATTENTION = {"type": "bool", "default": False, "help": "attention behind the convolutions"}
RESAMPLE = {"type": "block", "default": "Identity", "help": "halves or doubles the map before anything else"}


class EDM2Parts(Parts):
    """The blocks of EDM2 in the levels of a convolutional U-Net."""

    def block(self) -> str:
        """Return the name of the block that encoder levels repeat."""
        return self.have("EncoderBlock", lambda: self._balanced(encoder=True))

    def decoder_block(self) -> str:
        """Return the name of the block of decoder and bottleneck."""
        return self.have("DecoderBlock", lambda: self._balanced(encoder=False))

    def resampler(self, up: bool) -> str:
        """Return the name of the block that changes the resolution."""
        return self.decoder_block() if up else self.block()

    @property
    def in_resampler(self) -> tuple[str, ...]:
        """The parameters that a block that resamples takes."""
        return self.style.shared

    def _balanced(self, encoder: bool) -> Json:
        graph = Graph()
        x = graph.call("resample", "=resample", x="x") + ".out"
        if encoder:
            x = graph.call("norm", "PixelNorm", x=self._shortcut(graph, x)) + ".out"
        h = self._branch(graph, x)
        x = (
            graph.call("add", "MPSum", {"t": BALANCE}, a=x if encoder else self._shortcut(graph, x), b=h)
            + ".out"
        )
        graph.call("attn", self.attention(), {"num_heads": "out_channels//head_dim"}, when="attention", x=x)
        graph.call("clamp", "Clamp", {"low": -256.0, "high": 256.0}, x="attn.x")
        what = (
            "Encoder block: normalises its input at each pixel, then convolves twice"
            if encoder
            else "Decoder block: convolves twice"
        )
        return definition(
            f"{what}; the condition scales channels in between.",
            graph,
            [port("x", "map", "B in_channels H W"), TEMB_IN],
            [port("x", "map", "", "clamp.out")],
            {
                "in_channels": integer("channels of the input"),
                "out_channels": integer("channels of the output"),
                **TEMB,
                **declared(self.style.shared),
                "attention": ATTENTION,
                "resample": RESAMPLE,
            },
            REFERENCE,
        )

    @staticmethod
    def _shortcut(graph: Graph, x: str) -> str:
        """Add the convolution that fits the channels; return its endpoint."""
        params = {"out_channels": "out_channels", **ONE}
        return graph.call("shortcut", "MPConv2d", params, when="in_channels != out_channels", x=x) + ".out"

    @staticmethod
    def _branch(graph: Graph, x: str) -> str:
        """Add the residual branch; return its endpoint."""
        graph.call("act1", "MPSiLU", x=x)
        graph.call("conv1", "MPConv2d", {"out_channels": "out_channels"}, x="act1.out")
        graph.call("temb_proj", "MPLinear", {"out_features": "out_channels"}, x="temb")
        graph.call("temb_gain", "Gain", x="temb_proj.out")
        graph.call("modulate", "ScaleChannels", x="conv1.out", scale="temb_gain.out")
        graph.call("act2", "MPSiLU", x="modulate.out")
        graph.call("dropout", "Dropout", {"p": "dropout"}, x="act2.out")
        return graph.call("conv2", "MPConv2d", {"out_channels": "out_channels"}, x="dropout.out") + ".out"

    def _attention(self, normalised: bool = True) -> Json:
        graph = Graph()
        graph.call("qkv", "MPConv2d", {"out_channels": "3*channels", **ONE}, x="x")
        graph.call("heads", self.style.order, {"num_heads": "num_heads"}, qkv="qkv.out")
        for name in ("q", "k", "v"):
            graph.call(f"{name}_norm", "HeadNorm", x=f"heads.{name}")
        graph.call("attend", "DotProductAttention", q="q_norm.out", k="k_norm.out", v="v_norm.out")
        graph.call("to_map", "TokensToMap", tokens="attend.out", like="x")
        graph.call(
            "proj", "MPConv2d", {"in_channels": "channels", "out_channels": "channels", **ONE}, x="to_map.out"
        )
        graph.call("add", "MPSum", {"t": BALANCE}, a="x", b="proj.out")
        return definition(
            "Cosine self-attention over pixels as a residual branch.",
            graph,
            [port("x", "map", "B channels H W")],
            [port("x", "map", "B channels H W", "add.out")],
            {"channels": integer("channels of the map"), "num_heads": SHARED["num_heads"]},
            REFERENCE,
        )

    def _up_block(self, late: bool = False) -> Json:
        graph, shared = Graph(), self.style.shared
        params = {"out_channels": "out_channels", "attention": "attention", **passed(shared)}
        graph.call("concat", "MPConcat", a="x", b="skip")
        graph.call("block", self.decoder_block(), params, x="concat.out", temb="temb")
        return definition(
            "Concatenate one encoder skip at equal magnitude, then a decoder block.",
            graph,
            [port("x", "map", "B in_channels H W"), port("skip", "skip", "B skip_channels H W"), TEMB_IN],
            [port("x", "map", "B out_channels H W", "block.x")],
            {
                "in_channels": integer("channels that come from below"),
                "skip_channels": integer("channels of the skip"),
                "out_channels": integer("channels of the output"),
                **TEMB,
                **declared(shared),
                "attention": ATTENTION,
            },
            REFERENCE,
        )

    def middle(self) -> Json:
        """Return the bottleneck."""
        graph, shared = Graph(), self.style.shared
        params = {"out_channels": "channels", **passed(shared)}
        graph.call("block1", self.decoder_block(), {**params, "attention": True}, x="x", temb="temb")
        graph.call("block2", self.decoder_block(), params, x="block1.x", temb="temb")
        return definition(
            "The bottleneck: two decoder blocks, the first with attention.",
            graph,
            [port("x", "map", "B channels H W"), TEMB_IN],
            [port("x", "map", "B channels H W", "block2.x")],
            {"channels": integer("channels of the map"), **TEMB, **declared(shared)},
            REFERENCE,
        )


@dataclass(frozen=True)
class Size:
    """A published size, or a small one."""

    channels: int
    dropout: float = 0.0
    multipliers: tuple[int, ...] = (1, 2, 3, 4)
    blocks: int = 3
    attention: tuple[int, ...] = (2, 3)
    head_dim: int = 64
    in_channels: int = 4
    image: int = 64
    num_classes: int = 1000


def parameters(size: Size) -> Json:
    """Return the parameters of the design."""
    return {
        "in_channels": integer("channels of the latent", size.in_channels),
        "channels": integer("channels that the levels multiply", size.channels),
        "num_blocks": integer("blocks of an encoder level", size.blocks, 1, 16),
        "dropout": {**SHARED["dropout"], "default": size.dropout},
        "head_dim": {**SHARED["head_dim"], "default": size.head_dim},
        "num_classes": integer("classes", size.num_classes),
    }


def network(size: Size, parts: EDM2Parts) -> Json:
    """Return the network inside the preconditioning."""
    graph = Graph()
    temb = _embedding(graph, multiple(max(size.multipliers)))
    graph.call("ones", "AppendOnes", x="x")
    graph.call("conv_in", "MPConv2d", {"out_channels": multiple(size.multipliers[0])}, x="ones.out")
    levels = tuple(
        Level(multiple(factor), "res", "res", attention=index in size.attention)
        for index, factor in enumerate(size.multipliers)
    )
    parts.have("Middle", parts.middle)
    end = encoder(graph, parts, levels, "conv_in.out", temb, "x")
    end = bottleneck(graph, parts, Mid(), end, temb)
    end, _ = decoder(graph, parts, levels, end, temb)
    graph.call("conv_out", "MPConv2d", {"out_channels": "in_channels"}, x=end)
    graph.call("gain_out", "Gain", x="conv_out.out")
    inputs = [
        port("x", "map", "B in_channels H W", help="scaled noisy latent"),
        port("noise", "sigma", "B", help="c_noise"),
        port("y", "class", "B", dtype="int64", help="class label"),
    ]
    return definition(
        "The magnitude-preserving U-Net of EDM2.", graph, inputs,
        [port("x", "map", "B in_channels H W", "gain_out.out")],
        {**parameters(size), "in_channels": integer("channels of the latent")}, REFERENCE,
    )  # fmt: skip


def _embedding(graph: Graph, width: str) -> str:
    """Add the embedding of noise level and class; return its endpoint."""
    graph.call("fourier", "MPFourier", {"dim": "channels"}, noise="noise")
    graph.call("noise_embed", "MPLinear", {"out_features": width}, x="fourier.out")
    graph.call("one_hot", "OneHot", {"num_classes": "num_classes"}, y="y")
    graph.call("scale_class", "Scale", {"factor": "sqrt(num_classes)"}, x="one_hot.out")
    graph.call("class_embed", "MPLinear", {"out_features": width}, x="scale_class.out")
    graph.call("emb", "MPSum", a="noise_embed.out", b="class_embed.out")
    return graph.call("emb_act", "MPSiLU", x="emb.out") + ".out"


def _log_variance() -> Json:
    """Return the definition of the learned uncertainty of each noise level."""
    graph = Graph()
    graph.call("fourier", "MPFourier", {"dim": "dim"}, noise="noise")
    graph.call("proj", "MPLinear", {"out_features": 1}, x="fourier.out")
    return definition(
        "The logarithm of the loss to expect at a noise level, which weighs the levels in training.",
        graph,
        [port("noise", "sigma", "B")],
        [port("log_variance", "vector", "B 1", "proj.out")],
        {"dim": integer("Fourier features", 128)},
        REFERENCE,
    )


def edm2(size: Size) -> Json:
    """Return the document of a preconditioned network."""
    parts = EDM2Parts(Style(REFERENCE, shared=("dropout", "head_dim"), order="MapHeadsInterleaved"))
    inner = network(size, parts)
    declared = parameters(size)
    inputs = [
        port("x", "latent", "B in_channels H W", help="noisy latent"),
        port("sigma", "sigma", "B", help="noise level"),
        port("y", "class", "B", dtype="int64", help="class label; num_classes means none"),
    ]
    handed_down = tuple(name for name in declared if name != "in_channels")
    doc = "EDM2: estimates the clean latent from x with noise of standard deviation σ, for class y."
    main = preconditioned("UNet", handed_down, inputs, declared, doc, REFERENCE)
    main["nodes"]["uncertainty"] = {"call": "LogVariance"}
    main["edges"].append(["scalings.c_noise", "uncertainty.noise"])
    main["outputs"].append(port("log_variance", "vector", "B 1", "uncertainty.log_variance"))
    values = {name: one["default"] for name, one in main["parameters"].items()}
    training = {
        "prediction": "x0", "uncertainty": True, "schedule": "edm", "num_classes": size.num_classes,
        "sample_shape": [size.in_channels, size.image, size.image],
    }  # fmt: skip
    definitions = {
        "EDM2": main, "UNet": inner, **dict(reversed(parts.definitions.items())), "LogVariance": _log_variance(),
    }  # fmt: skip
    return document("EDM2", definitions, values, training)


_TINY = Size(32, 0.0, (1, 2), 1, (1,), 16, 1, 16, 10)

_SIZES = (
    ("tiny", None, _TINY),
    ("xs", 124_713_253, Size(128)),
    ("s", 280_212_837, Size(192)),
    ("m", 497_807_781, Size(256, 0.1)),
    ("l", 777_498_085, Size(320, 0.1)),
    ("xl", 1_119_283_749, Size(384, 0.1)),
    ("xxl", 1_523_164_773, Size(448, 0.1)),
)

PRESETS = tuple(
    Preset(
        id=f"edm2-img512-{name}" if count else f"edm2-{name}",
        family="edm2",
        title=f"EDM2-{name.upper()}, ImageNet 512×512 latents" if count else "EDM2, tiny (16×16 digits)",
        summary=f"Magnitude-preserving; {len(size.multipliers)} levels from {size.channels} channels, {size.blocks} blocks each.",
        reference=REFERENCE,
        document=partial(edm2, size),
        published=count,
    )
    for name, count, size in _SIZES
)
