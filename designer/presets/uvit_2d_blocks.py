"""The blocks of aMUSEd's U-ViT: ConvNeXt blocks with attention to the text, transformer blocks with adaptive norms."""

from typing import Any

from designer.presets.attention_parts import added
from designer.presets.graph import Graph, definition, integer, port

REFERENCE = "Patil et al. 2024, arXiv:2401.01808; Hoogeboom et al. 2023, arXiv:2301.11093"
BIAS = {"type": "bool", "default": False, "help": "learned constants in all linear layers and convolutions"}
AFFINE = {"type": "bool", "default": True, "help": "learned gains in the normalisations"}
EPS = {
    "type": "float",
    "default": 1e-6,
    "min": 0,
    "help": "added to the mean square or variance by the normalisations",
}
DROPOUT = {"type": "float", "default": 0.0, "min": 0, "max": 0.99, "help": "dropout in training"}
HEADS = {"type": "int", "default": 16, "min": 1, "help": "attention heads"}
HIDDEN = integer("features of a token")
COND = {"cond_size": integer("size of the condition")}
TEXT = {"context_size": integer("features of a text token")}
COMMON: dict[str, Any] = {"bias": BIAS, "norm_affine": AFFINE, "norm_eps": EPS}
_X = port("x", "tokens", "B N hidden_size")
_MAP = port("x", "map", "B channels H W")
_CONTEXT = port("context", "context", "B M context_size")
_VECTOR = port("c", "vector", "B cond_size")
RMS = {"eps": "norm_eps", "elementwise_affine": "norm_affine"}


def heads(dropout: bool) -> dict[str, Any]:
    """Return what a block passes to its attention."""
    drop = {"dropout": "dropout"} if dropout else {}
    return {"num_heads": "num_heads", "qkv_bias": "bias", "out_bias": "bias", **drop}


def adaptive_norm(norm: str) -> dict[str, Any]:
    """Return a norm whose scale and shift come from the condition; its own gain is learned too."""
    params: dict[str, Any] = {**RMS, **({"bias": "bias"} if norm == "LayerNorm" else {})}
    graph = Graph()
    h = graph.call("norm", norm, params, x="x") + ".out"
    c = graph.call("act", "SiLU", x="c") + ".out"
    c = graph.call("linear", "Linear", {"out_features": "2*hidden_size", "bias": "bias"}, x=c) + ".out"
    graph.call("parts", "Chunk2", x=c)
    h = graph.call("modulate", "Modulate", x=h, scale="parts.part_0", shift="parts.part_1") + ".out"
    return definition(
        f"{'Layer' if norm == 'LayerNorm' else 'RMS'} normalisation scaled and shifted by the condition.",
        graph,
        [_X, _VECTOR],
        [{**_X, "from": h.split(".")}],
        {"hidden_size": HIDDEN, **COND, **COMMON},
        REFERENCE,
    )


def transformer_block(dropout: bool) -> dict[str, Any]:
    """Return the block of the middle: self-attention, attention to the text, gated MLP."""
    common = {name: name for name in COMMON}
    drop = {"dropout": "dropout"} if dropout else {}
    graph = Graph()
    h = graph.call("norm1", "AdaRMSNorm", common, x="x", c="c") + ".x"
    x = added(graph, "attn", "x", graph.call("attn", "Attention", heads(dropout), x=h) + ".x")
    h = graph.call("norm2", "AdaRMSNorm", common, x=x, c="c") + ".x"
    h = graph.call("cross_attn", "CrossAttention", heads(dropout), x=h, context="context") + ".x"
    x = added(graph, "cross", x, h)
    h = graph.call("norm3", "AdaLayerNorm", common, x=x, c="c") + ".x"
    mlp = {"mlp_hidden": "mlp_hidden", "bias": "bias", **drop}
    x = added(graph, "mlp", x, graph.call("mlp", "Mlp", mlp, x=h) + ".x")
    return definition(
        "Self-attention, attention to the text, gated MLP, each after a norm that the condition sets.",
        graph,
        [_X, _CONTEXT, _VECTOR],
        [{**_X, "from": x.split(".")}],
        {
            "hidden_size": HIDDEN,
            **TEXT,
            **COND,
            "num_heads": HEADS,
            "mlp_hidden": integer("hidden features of the MLP", 2816),
            **COMMON,
            **({"dropout": DROPOUT} if dropout else {}),
        },
        REFERENCE,
    )


def conv_block(dropout: bool) -> dict[str, Any]:
    """Return the ConvNeXt block: depthwise convolution, MLP with response norm; then scale and shift."""
    bias = {"bias": "bias"}
    graph = Graph()
    depthwise = {"out_channels": "channels", "groups": "channels", **bias}
    h = graph.call("depthwise", "GroupedConv2d", depthwise, x="x") + ".out"
    h = graph.call("last", "ChannelsLast", x=h) + ".out"
    h = graph.call("norm", "RMSNorm", RMS, x=h) + ".out"
    h = graph.call("fc1", "Linear", {"out_features": "4*channels", **bias}, x=h) + ".out"
    h = graph.call("act", "GELU", {"approximate": "none"}, x=h) + ".out"
    h = graph.call("response", "GlobalResponseNorm", x=h) + ".out"
    h = graph.call("fc2", "Linear", {"out_features": "channels", **bias}, x=h) + ".out"
    h = graph.call("dropout", "Dropout", {"p": "dropout"}, x=h) + ".out" if dropout else h
    h = graph.call("first", "ChannelsFirst", x=h) + ".out"
    x = graph.call("add", "Add", a="x", b=h) + ".out"
    c = graph.call("act_c", "SiLU", x="c") + ".out"
    c = graph.call("condition", "Linear", {"out_features": "2*channels", **bias}, x=c) + ".out"
    x = graph.call("modulate", "ModulateMap", x=x, embedding=c) + ".out"
    return definition(
        "ConvNeXt block: depthwise convolution and MLP; the condition scales and shifts the sum.",
        graph,
        [_MAP, _VECTOR],
        [{**_MAP, "from": x.split(".")}],
        {
            "channels": integer("channels of the map"),
            **COND,
            **COMMON,
            **({"dropout": DROPOUT} if dropout else {}),
        },
        REFERENCE,
    )


def text_block(dropout: bool, mapped: bool) -> dict[str, Any]:
    """Return two attentions of pixels to the text; `mapped`: the text is projected to the channels first."""
    graph = Graph()
    context = "context"
    if mapped:
        context = graph.call("act", "SiLU", x="context") + ".out"
        context = (
            graph.call("kv", "Linear", {"out_features": "hidden_size", "bias": "bias"}, x=context) + ".out"
        )
    x = "x"
    for k in (1, 2):
        h = graph.call(f"norm{k}", "RMSNorm", {"eps": 1e-6}, x=x) + ".out"
        h = graph.call(f"attn{k}", "CrossAttention", heads(dropout), x=h, context=context) + ".x"
        x = added(graph, f"attn{k}", x, h)
    return definition(
        "Pixels attend to the text, twice.",
        graph,
        [_X, _CONTEXT],
        [{**_X, "from": x.split(".")}],
        {
            "hidden_size": HIDDEN,
            **TEXT,
            "num_heads": HEADS,
            "bias": BIAS,
            **({"dropout": DROPOUT} if dropout else {}),
        },
        REFERENCE,
    )


def stage_block(dropout: bool) -> dict[str, Any]:
    """Return one block of the outer stages: a ConvNeXt block, then pixels attend to the text."""
    drop = {"dropout": "dropout"} if dropout else {}
    graph = Graph()
    h = graph.call("conv", "ConvNextBlock", {name: name for name in COMMON} | drop, x="x", c="c") + ".x"
    tokens = graph.call("tokens", "MapToTokens", x=h) + ".tokens"
    params = {
        "num_heads": "num_heads",
        "bias": "bias",
        **({"dropout": "attention_dropout"} if dropout else {}),
    }
    tokens = graph.call("text", "TextBlock", params, x=tokens, context="context") + ".x"
    x = graph.call("map", "TokensToMap", tokens=tokens, like=h) + ".out"
    return definition(
        "A ConvNeXt block, then attention of each pixel to the text.",
        graph,
        [_MAP, _CONTEXT, _VECTOR],
        [{**_MAP, "from": x.split(".")}],
        {
            "channels": integer("channels of the map"),
            **TEXT,
            **COND,
            "num_heads": HEADS,
            **COMMON,
            **({"dropout": DROPOUT, "attention_dropout": DROPOUT} if dropout else {}),
        },
        REFERENCE,
    )
