"""PixArt-α (Chen et al. 2023): a DiT with text by cross-attention and one modulation for all blocks."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.attention_parts import added, attention, feed_forward, modulated, text_projection
from designer.presets.graph import Graph, definition, integer, port
from designer.presets.latent_training import latent_training
from designer.presets.pixart_conditions import FINAL, MODULATION, NUMBERS, REFERENCE, SIZE
from designer.presets.transformer_parts import TIMESTEP_EMBEDDER

_X = port("x", "tokens", "B N hidden_size")
_PARAMETERS: dict[str, Any] = {
    "base_size": {"type": "int", "default": 16, "min": 1, "unit": "patches", "help": "rows and columns of the grid of positions"},
    "position_scale": {"type": "float", "default": 1.0, "min": 1e-6, "help": "divides the positions: 2 at twice the resolution"},
    "patch_size": {"type": "int", "default": 2, "min": 1, "unit": "pixels", "help": "side of a patch"},
    "in_channels": {"type": "int", "default": 4, "min": 1, "help": "channels of the latent"},
    "out_channels": {"type": "int", "default": 8, "min": 1, "help": "channels of the prediction; twice the input with learned variance"},
    "hidden_size": {"type": "int", "default": 1152, "min": 4, "help": "features of a token"},
    "depth": {"type": "int", "default": 28, "min": 1, "max": 1000, "help": "blocks"},
    "num_heads": {"type": "int", "default": 16, "min": 1, "help": "attention heads"},
    "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
    "context_size": {"type": "int", "default": 4096, "min": 1, "help": "features of a text token"},
    "qkv_bias": {"type": "bool", "default": True, "help": "learned constants in the queries, keys and values"},
    "norm_affine": {"type": "bool", "default": False, "help": "learned gain and bias in the normalisations of a block"},
    "norm_eps": {"type": "float", "default": 1e-6, "min": 0, "help": "added to the variance by the normalisations of a block"},
    "dropout": {"type": "float", "default": 0.0, "min": 0, "max": 0.99, "help": "dropout behind attention and activation"},
}  # fmt: skip


def _names(dropout: bool) -> list[str]:
    """The parameters that the blocks take from the network."""
    return [
        "num_heads",
        "mlp_ratio",
        "qkv_bias",
        "norm_affine",
        "norm_eps",
        *(["dropout"] if dropout else []),
    ]


def _block(masked: bool, dropout: bool) -> dict[str, Any]:
    drop = {"dropout": "dropout"} if dropout else {}
    heads = {"num_heads": "num_heads", "qkv_bias": "qkv_bias", **drop}
    norm = {"eps": "norm_eps", "elementwise_affine": "norm_affine"}
    mask = {"mask": "mask"} if masked else {}
    graph = Graph()
    graph.call("adaln", "AdaLNSingle", {"hidden_size": "hidden_size"}, modulation="modulation")
    h = modulated(graph, "msa", graph.call("norm1", "LayerNorm", norm, x="x") + ".out")
    x = added(graph, "msa", "x", graph.call("attn", "Attention", heads, x=h) + ".x", gated=True)
    h = graph.call("cross_attn", "CrossAttention", heads, x=x, context="context", **mask) + ".x"
    x = added(graph, "cross", x, h)
    h = modulated(graph, "mlp", graph.call("norm2", "LayerNorm", norm, x=x) + ".out")
    h = graph.call("mlp", "Mlp", {"mlp_hidden": "int(hidden_size*mlp_ratio)", **drop}, x=h) + ".x"
    x = added(graph, "mlp", x, h, gated=True)
    return definition(
        "Self-attention, attention to the text, MLP; the shared modulation scales, shifts and gates two of them.",
        graph,
        [
            _X,
            port("context", "context", "B M context_size"),
            port("modulation", "vector", "B 6*hidden_size"),
            *([port("mask", "mask", "B M")] if masked else []),
        ],
        [{**_X, "from": x.split(".")}],
        {
            "hidden_size": integer("features of a token"),
            "context_size": integer("features of a text token"),
            **{name: _PARAMETERS[name] for name in _names(dropout)},
        },
        f"{REFERENCE}, section 2.3",
    )


def _embed(graph: Graph, sized: bool, projected: bool) -> tuple[str, str, str]:
    """Call what makes tokens, condition and context; return their endpoints."""
    width, patches = {"hidden_size": "hidden_size"}, {"patch_size": "patch_size"}
    h = graph.call("patch_embed", "PatchEmbed", {**width, **patches}, x="x") + ".tokens"
    position = {**patches, "base_size": "base_size", "scale": "position_scale"}
    h = graph.call("position", "ScaledSinCosPosition", position, tokens=h, like="x") + ".out"
    c = graph.call("t_embedder", "TimestepEmbedder", width, t="t") + ".c"
    if sized:
        sizes = {"resolution": "resolution", "aspect_ratio": "aspect_ratio"}
        size = graph.call("size_embedder", "SizeEmbedder", width, **sizes) + ".c"
        c = graph.call("condition", "Add", a=c, b=size) + ".out"
    if not projected:
        return h, c, "context"
    wide = {"hidden_features": "hidden_size", "out_features": "hidden_size"}
    return h, c, graph.call("caption_projection", "CaptionProjection", wide, context="context") + ".context"


def _main(sized: bool, masked: bool, projected: bool, dropout: bool) -> dict[str, Any]:
    graph = Graph()
    h, c, context = _embed(graph, sized, projected)
    modulation = graph.call("modulation", "SharedModulation", c=c) + ".modulation"
    sources = {"context": context, "modulation": modulation, **({"mask": "mask"} if masked else {})}
    shared = {name: name for name in _names(dropout)}
    h = graph.call("blocks", "PixArtBlock", shared, repeat="depth", x=h, **sources) + ".x"
    final = {"patch_features": "patch_size*patch_size*out_channels"}
    h = graph.call("final_layer", "FinalLayer", final, x=h, c=c) + ".patches"
    last = {"out_channels": "out_channels", "patch_size": "patch_size"}
    graph.call("unpatchify", "Unpatchify", last, tokens=h, like="x")
    return definition(
        "Text-to-image transformer: predicts noise (and the variance) of a noisy latent at timestep t for a text.",
        graph,
        [
            port("x", "latent", "B in_channels H W", help="noisy latent"),
            port("t", "timestep", "B", help="timestep, 0 … 999"),
            port("context", "context", "B M context_size", help="text tokens"),
            *([port("mask", "mask", "B M", help="0 for padding of the text")] if masked else []),
            *(SIZE["inputs"] if sized else []),
        ],
        [port("out", "prediction", "B out_channels H W", "unpatchify.out")],
        {name: one for name, one in _PARAMETERS.items() if dropout or name != "dropout"},
        REFERENCE,
    )


def pixart(
    values: Mapping[str, Any],
    sized: bool = False,
    masked: bool = False,
    projected: bool = True,
    activation: str = "gelu-approximate",
    sample_size: int = 32,
) -> dict[str, Any]:
    """Return the document of a PixArt.

    `sized`: resolution and aspect ratio are conditions; `masked`: the text comes with a mask of its padding;
    `projected`: the text is projected to the width of the network first.
    """
    dropout = values.get("dropout", 0.0) > 0
    definitions = {
        "PixArt": _main(sized, masked, projected, dropout),
        "PixArtBlock": _block(masked, dropout),
        "Attention": attention(dropout=dropout),
        "CrossAttention": attention(cross=True, masked=masked, dropout=dropout, init="zero"),
        "Mlp": feed_forward(activation, dropout),
        "TimestepEmbedder": TIMESTEP_EMBEDDER,
        **({"SizeEmbedder": SIZE, "NumberEmbedder": NUMBERS} if sized else {}),
        "SharedModulation": MODULATION,
        **({"CaptionProjection": text_projection()} if projected else {}),
        "FinalLayer": FINAL,
    }
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "PixArt-α",
        "parameters": dict(values),
        "main": "PixArt",
        "training": latent_training(
            values["in_channels"], values["out_channels"], sample_size, prediction="epsilon"
        ),
        "definitions": definitions,
    }


def _values(base_size: int, position_scale: float) -> dict[str, Any]:
    return {
        "base_size": base_size, "position_scale": position_scale, "patch_size": 2, "in_channels": 4,
        "out_channels": 8, "hidden_size": 1152, "depth": 28, "num_heads": 16, "mlp_ratio": 4.0,
        "context_size": 4096, "qkv_bias": True, "norm_affine": False, "norm_eps": 1e-6,
    }  # fmt: skip


_TINY = {**_values(8, 1.0), "in_channels": 1, "out_channels": 1, "hidden_size": 48, "depth": 3, "num_heads": 4, "context_size": 32}  # fmt: skip

PRESETS = (
    Preset(
        id="pixart-tiny",
        family="pixart",
        title="PixArt-α, tiny (16×16)",
        summary="A PixArt of depth 3 and width 48 with masked text, for tests and first steps.",
        reference=REFERENCE,
        document=partial(pixart, _TINY, masked=True, sample_size=16),
    ),
    Preset(
        id="pixart-alpha-256",
        family="pixart",
        title="PixArt-α XL/2, 256×256",
        summary="Depth 28, width 1152; cross-attention to 120 T5 tokens; one modulation for all blocks.",
        reference=REFERENCE,
        document=partial(pixart, _values(16, 1.0)),
        published=610_856_096,
    ),
    Preset(
        id="pixart-alpha-512",
        family="pixart",
        title="PixArt-α XL/2, 512×512",
        summary="The network of 256×256 with positions for 32×32 patches.",
        reference=REFERENCE,
        document=partial(pixart, _values(32, 1.0), sample_size=64),
        published=610_856_096,
    ),
    Preset(
        id="pixart-alpha-1024-ms",
        family="pixart",
        title="PixArt-α XL/2, 1024×1024, any aspect ratio",
        summary="Resolution and aspect ratio are conditions; positions are stretched by 2.",
        reference=REFERENCE,
        document=partial(pixart, _values(64, 2.0), sized=True, sample_size=128),
        published=611_349_152,
    ),
)
