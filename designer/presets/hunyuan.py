"""Hunyuan-DiT (Li et al. 2024): a DiT with long skips, rotary positions and two text encoders."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets import hunyuan_blocks as parts
from designer.presets.attention_parts import feed_forward, linear, long_skip, text_projection
from designer.presets.graph import Graph, definition, integer, port
from designer.presets.hunyuan_blocks import FUSE, HEADS, RATIO, REFERENCE
from designer.presets.latent_training import latent_training
from designer.presets.transformer_parts import FINAL_LAYER, TIMESTEP_EMBEDDER

_PARAMETERS: dict[str, Any] = {
    "patch_size": integer("side of a patch", 2),
    "in_channels": integer("channels of the latent", 4),
    "out_channels": integer("channels of the prediction; twice the input with learned variance", 8),
    "hidden_size": integer("features of a token", 1408, 4),
    "num_skips": integer("blocks of each half that long skips join", 19, 0, 500),
    "num_middle": integer("blocks between the halves", 2, 0, 500),
    "num_heads": HEADS,
    "mlp_ratio": RATIO,
    "text_len": integer("tokens of the first text", 77),
    "context_size": integer("features of a token of the first text", 1024),
    "text_len_t5": integer("tokens of the second text", 256),
    "context_size_t5": integer("features of a token of the second text", 2048),
    "pooled_size": integer("size of the pooled second text", 1024),
    "fuse": FUSE,
}
_BASE = {
    "type": "int", "default": 32, "min": 1, "unit": "patches", "help": "rows and columns that the positions span",
}  # fmt: skip


def _condition(styled: bool) -> dict[str, Any]:
    """The condition: timestep, pooled text and, where styled, image size, crop and style."""
    width = {"hidden_size": "hidden_size"}
    graph = Graph()
    t = graph.call("t_embedder", "TimestepEmbedder", width, t="t") + ".c"
    pool = {"length": "length", "pooled_size": "pooled_size"}
    extra = graph.call("pool", "TextPool", pool, context="context") + ".pooled"
    inputs = [port("t", "timestep", "B"), port("context", "context", "B M context_size")]
    if styled:
        sizes = graph.call("sizes", "TimestepEmbedding", {"dim": 256, "cos_first": True}, t="image_meta_size")
        sizes = graph.call("size_vector", "FlattenFeatures", x=f"{sizes}.out") + ".out"
        extra = graph.call("add_sizes", "ConcatFeatures", a=extra, b=sizes) + ".out"
        style = graph.call("style_embedder", "Embedding", {"num_embeddings": 1, "embedding_dim": "hidden_size"}, index="style")  # fmt: skip
        extra = graph.call("add_style", "ConcatFeatures", a=extra, b=f"{style}.out") + ".out"
        inputs += _STYLE
    graph.nodes["fc1"] = linear("4*hidden_size", init="normal_0.02")
    graph.edges.append([extra, "fc1.x"])
    h = graph.call("act", "SiLU", x="fc1.out") + ".out"
    graph.nodes["fc2"] = linear("hidden_size", init="normal_0.02")
    graph.edges.append([h, "fc2.x"])
    c = graph.call("add", "Add", a=t, b="fc2.out") + ".out"
    return definition(
        f"Timestep, pooled text{', image size, style' if styled else ''} to one condition vector.",
        graph,
        inputs,
        [port("c", "vector", "B hidden_size", c)],
        {
            "hidden_size": integer("size of the vector", 1408),
            "context_size": integer("features of a text token"),
            "length": integer("tokens of the text"),
            "pooled_size": integer("size of the pooled text"),
        },
        REFERENCE,
    )


_STYLE = [
    port("image_meta_size", "size", "B 6", help="height and width of original and target, crop: 6 numbers"),
    port("style", "style", "B", dtype="int64", help="style; 0"),
]


def _text(graph: Graph) -> str:
    """Both texts as one context whose padding is learned."""
    wide = {"hidden_features": "4*context_size_t5", "out_features": "context_size"}
    t5 = graph.call("text_embedder", "TextProjection", wide, context="context_t5") + ".context"
    text = graph.call("texts", "ConcatTokens", a="context", b=t5) + ".out"
    mask = graph.call("masks", "ConcatFeatures", a="mask", b="mask_t5") + ".out"
    return (
        graph.call("padding", "TextPadding", {"length": "text_len + text_len_t5"}, x=text, mask=mask) + ".out"
    )


def _main(styled: bool, rotary_input: bool) -> dict[str, Any]:
    patches = {"patch_size": "patch_size"}
    graph = Graph()
    h = graph.call("patch_embed", "PatchEmbed", {"hidden_size": "hidden_size", **patches}, x="x") + ".tokens"
    pool = {"hidden_size": "hidden_size", "length": "text_len_t5", "pooled_size": "pooled_size"}
    style = {"image_meta_size": "image_meta_size", "style": "style"} if styled else {}
    c = graph.call("condition", "Condition", pool, t="t", context="context_t5", **style) + ".c"
    context = _text(graph)
    if rotary_input:
        graph.call("rotary", "RotaryInput", pair="rotary_pair")
    else:
        head = {"head_size": "hidden_size//num_heads", **patches, "base_size": "base_size"}
        graph.call("rotary", "ScaledRotary2D", head, like="x")
    common = {"context": context, "c": c, "cos": "rotary.cos", "sin": "rotary.sin"}
    block = {"num_heads": "num_heads", "mlp_ratio": "mlp_ratio"}
    h = graph.call("in_blocks", "HunyuanBlock", block, repeat="num_skips", x=h, **common) + ".x"
    h = graph.call("mid_blocks", "HunyuanBlock", block, repeat="num_middle", x=h, **common) + ".x"
    skips = {"skip": "in_blocks.x[]", **common}
    h = (
        graph.call("out_blocks", "SkipBlock", {**block, "fuse": "=fuse"}, repeat="num_skips", x=h, **skips)
        + ".x"
    )
    final = {"patch_features": "patch_size*patch_size*out_channels"}
    h = graph.call("final_layer", "FinalLayer", final, x=h, c=c) + ".patches"
    graph.call("unpatchify", "Unpatchify", {"out_channels": "out_channels", **patches}, tokens=h, like="x")
    pair = port("rotary_pair", "rotary", "(H//patch_size)*(W//patch_size) hidden_size//num_heads", stack=True, help="cosines and sines of the positions")  # fmt: skip
    return definition(
        "Text-to-image transformer with long skips: predicts the noise (and the variance) for two encoded texts.",
        graph,
        [
            port("x", "latent", "B in_channels H W", help="noisy latent"),
            port("t", "timestep", "B", help="timestep, 0 … 999"),
            port("context", "context", "B text_len context_size", help="tokens of the first text (CLIP)"),
            port("mask", "mask", "B text_len", help="0 for its padding"),
            port(
                "context_t5",
                "context",
                "B text_len_t5 context_size_t5",
                help="tokens of the second text (T5)",
            ),
            port("mask_t5", "mask", "B text_len_t5", help="0 for its padding"),
            *(_STYLE if styled else []),
            *([pair] if rotary_input else []),
        ],
        [port("out", "prediction", "B out_channels H W", "unpatchify.out")],
        _PARAMETERS if rotary_input else {**_PARAMETERS, "base_size": _BASE},
        REFERENCE,
    )


def hunyuan(
    values: Mapping[str, Any],
    styled: bool = False,
    rotary_input: bool = False,
    activation: str = "gelu-approximate",
    sample_size: int = 128,
) -> dict[str, Any]:
    """Return the document of a Hunyuan-DiT.

    `styled`: image size, crop and style are conditions (before version 1.2); `rotary_input`: cosines and sines
    of the positions come from outside.
    """
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Hunyuan-DiT",
        "parameters": dict(values),
        "main": "HunyuanDiT",
        "training": latent_training(
            values["in_channels"], values["out_channels"], sample_size, prediction="v"
        ),
        "definitions": {
            "HunyuanDiT": _main(styled, rotary_input),
            "SkipBlock": parts.skip_block(),
            "HunyuanBlock": parts.block(),
            "LongSkip": long_skip(normed=True),
            "ShiftedNorm": parts.shifted_norm(),
            "Attention": parts.attention(cross=False),
            "CrossAttention": parts.attention(cross=True),
            "Mlp": feed_forward(activation),
            "Condition": _condition(styled),
            "TextPool": parts.text_pool(),
            "TextProjection": text_projection("linear-silu"),
            "TimestepEmbedder": TIMESTEP_EMBEDDER,
            "FinalLayer": FINAL_LAYER,
        },
    }


_V12: dict[str, Any] = {
    "patch_size": 2, "in_channels": 4, "out_channels": 8, "hidden_size": 1408, "num_skips": 19, "num_middle": 2,
    "num_heads": 16, "mlp_ratio": 4.3637, "text_len": 77, "context_size": 1024, "text_len_t5": 256,
    "context_size_t5": 2048, "pooled_size": 1024, "fuse": "LongSkip", "base_size": 32,
}  # fmt: skip
_TINY = {
    **_V12, "in_channels": 1, "out_channels": 1, "hidden_size": 48, "num_skips": 2, "num_middle": 1, "num_heads": 4, "text_len": 4,
    "context_size": 16, "text_len_t5": 6, "context_size_t5": 16, "pooled_size": 16, "base_size": 8,
}  # fmt: skip

PRESETS = (
    Preset(
        id="hunyuan-dit-tiny",
        family="hunyuan-dit",
        title="Hunyuan-DiT, tiny (16×16)",
        summary="Five blocks of width 48, two long skips, for tests and first steps.",
        reference=REFERENCE,
        document=partial(hunyuan, _TINY, sample_size=16),
    ),
    Preset(
        id="hunyuan-dit-1.2",
        family="hunyuan-dit",
        title="Hunyuan-DiT 1.2, 1024×1024",
        summary="40 blocks of width 1408, 19 long skips, QK-norm, rotary positions, CLIP and T5 tokens.",
        reference=REFERENCE,
        document=partial(hunyuan, _V12),
        published=1_499_952_032,
    ),
)
