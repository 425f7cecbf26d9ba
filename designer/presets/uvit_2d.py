"""The U-ViT of aMUSEd (Patil et al. 2024): predicts masked codes; convolutions outside, a transformer inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from designer.presets import uvit_2d_blocks as parts
from designer.presets.attention_parts import attention, feed_forward
from designer.presets.graph import Graph, definition, integer, port
from designer.presets.uvit_2d_blocks import BIAS, COMMON, DROPOUT, HEADS, REFERENCE, RMS

_PARAMETERS: dict[str, Any] = {
    "vocab_size": integer("codes that can come in, the mask among them", 8256),
    "codebook_size": integer("codes that can go out", 8192),
    "embed_size": integer("size of a code's embedding", 768),
    "channels": integer("channels of the outer stages", 768),
    "num_res_blocks": integer("blocks of an outer stage", 3, 0, 100),
    "block_heads": {**HEADS, "default": 12, "help": "attention heads in the outer stages"},
    "hidden_size": integer("features of a token", 1024),
    "depth": integer("transformer blocks", 22, 0, 1000),
    "num_heads": HEADS,
    "mlp_hidden": integer("hidden features of the MLP", 2816),
    "context_size": integer("features of a text token", 768),
    "pooled_size": integer("size of the pooled text", 768),
    "num_micro": integer("numbers that describe the image", 5),
    "micro_size": integer("size of the embedding of one number", 256, 2),
    **COMMON,
}


@dataclass(frozen=True)
class Shape:
    """What the network is made of, besides sizes."""

    down: bool = False
    up: bool = False
    dropout: bool = False
    mapped: bool = True  # the text is projected to the channels of the outer stages


def _norm_and_project(graph: Graph, name: str, out_features: str, x: str) -> str:
    h = graph.call(f"{name}_norm", "RMSNorm", RMS, x=x) + ".out"
    return graph.call(name, "Linear", {"out_features": out_features, "bias": "bias"}, x=h) + ".out"


def _stage(graph: Graph, name: str, shape: Shape, x: str) -> str:
    params = {"num_heads": "block_heads", **{key: key for key in COMMON}}
    params |= {"dropout": "dropout", "attention_dropout": "attention_dropout"} if shape.dropout else {}
    sources = {"x": x, "context": "context_norm.out", "c": "condition.c"}
    return graph.call(f"{name}_blocks", "StageBlock", params, repeat="num_res_blocks", **sources) + ".x"


def _resample(graph: Graph, name: str, target: str, x: str) -> str:
    h = graph.call(f"{name}_last", "ChannelsLast", x=x) + ".out"
    h = graph.call(f"{name}_norm", "RMSNorm", RMS, x=h) + ".out"
    h = graph.call(f"{name}_first", "ChannelsFirst", x=h) + ".out"
    return graph.call(name, target, {"bias": "bias"}, x=h) + ".out"


def _condition() -> dict[str, Any]:
    graph = Graph()
    sizes = (
        graph.call("embed", "TimestepEmbedding", {"dim": "micro_size", "cos_first": True}, t="micro") + ".out"
    )
    sizes = graph.call("micro_vector", "FlattenFeatures", x=sizes) + ".out"
    h = graph.call("join", "ConcatFeatures", a="pooled", b=sizes) + ".out"
    for name, source in (("fc1", h), ("fc2", "act.out")):
        graph.call(name, "Linear", {"out_features": "hidden_size", "bias": "bias"}, x=source)
        if name == "fc1":
            graph.call("act", "SiLU", x="fc1.out")
    return definition(
        "Pooled text and numbers that describe the image to one condition vector.",
        graph,
        [port("pooled", "pooled", "B pooled_size"), port("micro", "size", "B num_micro")],
        [port("c", "vector", "B hidden_size", "fc2.out")],
        {
            "pooled_size": integer("size of the pooled text"),
            "num_micro": integer("numbers that describe the image"),
            "hidden_size": integer("size of the vector", 1024),
            "micro_size": integer("size of the embedding of one number", 256, 2),
            "bias": BIAS,
        },
        REFERENCE,
    )


def _main(shape: Shape) -> dict[str, Any]:
    graph = Graph()
    sizes = {"hidden_size": "hidden_size", "micro_size": "micro_size", "bias": "bias"}
    graph.call("condition", "Condition", sizes, pooled="pooled", micro="micro")
    context = {"out_features": "hidden_size", "bias": "bias"}
    graph.call(
        "context_norm", "RMSNorm", RMS, x=graph.call("context_proj", "Linear", context, x="context") + ".out"
    )
    h = graph.call("embed", "Embedding", {"num_embeddings": "vocab_size", "embedding_dim": "embed_size"}, index="codes")  # fmt: skip
    h = _norm_and_project(graph, "embed_proj", "channels", f"{h}.out")
    h = graph.call("map", "ChannelsFirst", x=h) + ".out"
    h = _resample(graph, "down", "HalveByConv", h) if shape.down else h
    inner = _stage(graph, "down", shape, h)
    h = graph.call("tokens", "MapToTokens", x=inner) + ".tokens"
    h = _norm_and_project(graph, "project_in", "hidden_size", h)
    block = {
        name: name for name in ("num_heads", "mlp_hidden", *COMMON, *(["dropout"] if shape.dropout else []))
    }
    sources = {"context": "context_norm.out", "c": "condition.c"}
    h = graph.call("blocks", "TransformerBlock", block, repeat="depth", x=h, **sources) + ".x"
    h = _norm_and_project(graph, "project_out", "channels", h)
    h = graph.call("inner_map", "TokensToMap", tokens=h, like=inner) + ".out"
    h = _stage(graph, "up", shape, h)
    h = _resample(graph, "up", "DoubleByConv", h) if shape.up else h
    h = graph.call("last", "ChannelsLast", x=h) + ".out"
    h = graph.call("head", "Linear", {"out_features": "embed_size", "bias": "bias"}, x=h) + ".out"
    h = _norm_and_project(graph, "logits", "codebook_size", h)
    graph.call("out_map", "ChannelsFirst", x=h)
    drops = {"dropout": DROPOUT, "attention_dropout": DROPOUT} if shape.dropout else {}
    return definition(
        "Masked image model: the logits of each place's code, from codes some of which are masked.",
        graph,
        [
            port("codes", "codes", "B H W", dtype="int64", help="codes of the image, masked ones included"),
            port("context", "context", "B M context_size", help="text tokens"),
            port("pooled", "pooled", "B pooled_size", help="pooled text"),
            port("micro", "size", "B num_micro", help="original size, crop, aesthetic score"),
        ],
        [port("logits", "map", "B codebook_size H W" if shape.down == shape.up else "", "out_map.out")],
        {**_PARAMETERS, **drops},
        REFERENCE,
    )


def uvit_2d(values: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return the document of aMUSEd's U-ViT."""
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "U-ViT of aMUSEd",
        "parameters": dict(values),
        "main": "UViT2D",
        "definitions": {
            "UViT2D": _main(shape),
            "StageBlock": parts.stage_block(shape.dropout),
            "ConvNextBlock": parts.conv_block(shape.dropout),
            "TextBlock": parts.text_block(shape.dropout, shape.mapped),
            "TransformerBlock": parts.transformer_block(shape.dropout),
            "AdaRMSNorm": parts.adaptive_norm("RMSNorm"),
            "AdaLayerNorm": parts.adaptive_norm("LayerNorm"),
            "Attention": attention(dropout=shape.dropout, out_bias=True),
            "CrossAttention": attention(cross=True, dropout=shape.dropout, out_bias=True),
            "Mlp": feed_forward("geglu", shape.dropout, bias=True),
            "Condition": _condition(),
        },
    }
