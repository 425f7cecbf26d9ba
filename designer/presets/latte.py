"""Latte (Ma et al. 2024): a video diffusion transformer that alternates attention in space and over frames."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.attention_parts import added, attention, feed_forward, text_projection
from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.pixart_conditions import FINAL, MODULATION
from designer.presets.rotary_attention import CONTEXT, HIDDEN
from designer.presets.transformer_parts import TIMESTEP_EMBEDDER
from designer.presets.video_parts import branch, training

REFERENCE = "Ma et al. 2024, arXiv:2401.03048"

_TOKENS = port("x", "tokens", "B T N hidden_size")
_BLOCK: dict[str, Json] = {
    "num_heads": integer("attention heads", 16),
    "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
    "qkv_bias": {"type": "bool", "default": True, "help": "learned constants in the queries, keys and values"},
    "norm_affine": {"type": "bool", "default": False, "help": "learned gain and bias in the normalisations of a block"},
    "norm_eps": {"type": "float", "default": 1e-6, "min": 0, "help": "added to the variance by the normalisations of a block"},
    "dropout": {"type": "float", "default": 0.0, "min": 0, "max": 0.99, "help": "dropout behind attention and activation"},
}  # fmt: skip
_NUM_FRAMES: Json = {"type": "int", "default": 16, "min": 1, "unit": "frames", "help": "longest video"}
_FIRST: Json = {"type": "bool", "default": False, "help": "add the positions of the frames"}
_TEMPORAL: Json = {"type": "bool", "default": True, "help": "attention over frames: off, each frame is an image of its own"}  # fmt: skip
_PARAMETERS: dict[str, Json] = {
    "base_size": {"type": "int", "default": 32, "min": 1, "unit": "patches", "help": "rows and columns of the grid of positions"},
    "position_scale": {"type": "float", "default": 1.0, "min": 1e-6, "help": "divides the positions: 2 at twice the resolution"},
    "num_frames": _NUM_FRAMES,
    "patch_size": {"type": "int", "default": 2, "min": 1, "unit": "pixels", "help": "side of a patch"},
    "in_channels": integer("channels of the video", 4),
    "out_channels": integer("channels of the prediction; twice the input with learned variance", 8),
    "hidden_size": integer("features of a token", 1152, 4),
    "depth": integer("pairs of a spatial and a temporal block", 28, 0, 1000),
    "context_size": integer("features of a text token", 4096),
    "temporal_attention": _TEMPORAL,
    **_BLOCK,
}  # fmt: skip


def _block(temporal: bool, cross: bool, modulated: bool, shared: list[str]) -> Json:
    """Return a transformer block over the tokens of a frame or, `temporal`, over the frames of a place."""
    graph = Graph()
    end = graph.call("swap", "SwapFrames", x="x") + ".out" if temporal else "x"
    like = end
    end = graph.call("fold", "FoldFrames", x=end) + ".out"
    if temporal:
        end = (
            graph.call("position", "FramePosition", {"num_frames": "num_frames"}, when="first", x=end)
            + ".out"
        )
    if modulated:
        graph.call("adaln", "AdaLNSingle", {"hidden_size": "hidden_size"}, modulation="modulation")
    norm = {"eps": "norm_eps", "elementwise_affine": "norm_affine"}
    add = partial(branch, graph, norm=norm, modulate=modulated)
    heads = {name: name for name in shared if name in ("num_heads", "qkv_bias", "dropout")}
    end = add(end, "msa", "attn", "Attention", heads)
    if cross and modulated:
        update = graph.call("cross_attn", "CrossAttention", heads, x=end, context="context") + ".x"
        end = added(graph, "cross", end, update)
    elif cross:
        end = add(end, "cross", "cross_attn", "CrossAttention", heads, context="context")
    mlp = {
        "mlp_hidden": "int(hidden_size*mlp_ratio)",
        **({"dropout": "dropout"} if "dropout" in shared else {}),
    }
    end = add(end, "mlp", "mlp", "Mlp", mlp)
    end = graph.call("unfold", "UnfoldFrames", x=end, like=like) + ".out"
    end = graph.call("swap_back", "SwapFrames", x=end) + ".out" if temporal else end
    what = "the frames of each place" if temporal else "the tokens of each frame"
    return definition(
        f"Transformer block over {what}" + (", with cross-attention to the text." if cross else "."),
        graph,
        [
            _TOKENS,
            *([port("context", "context", "B*T M context_size")] if cross else []),
            *(
                [port("modulation", "vector", f"B*{'N' if temporal else 'T'} 6*hidden_size")]
                if modulated
                else []
            ),
        ],
        [{**_TOKENS, "from": end.split(".")}],
        {
            "hidden_size": HIDDEN,
            **({"context_size": integer("features of a context token")} if cross else {}),
            **{name: _BLOCK[name] for name in shared},
            **({"num_frames": _NUM_FRAMES, "first": _FIRST} if temporal else {}),
        },
        REFERENCE,
    )


def _pair(cross: bool, modulated: bool, shared: list[str]) -> Json:
    """Return a spatial block followed by a temporal one."""
    graph = Graph()
    params = {name: name for name in shared}
    inputs = {"context": "context"} if cross else {}
    modulation = (
        {"modulation": f"{name}_modulation"} if modulated else {} for name in ("spatial", "temporal")
    )
    graph.call("spatial", "SpatialBlock", params, x="x", **inputs, **next(modulation))
    order = {**params, "num_frames": "num_frames", "first": "first"}
    graph.call(
        "temporal", "TemporalBlock", order, when="temporal_attention", x="spatial.x", **next(modulation)
    )
    return definition(
        "A block over the tokens of each frame, then one over the frames of each place.",
        graph,
        [
            _TOKENS,
            *([port("context", "context", "B*T M context_size")] if cross else []),
            *([port("spatial_modulation", "vector", "B*T 6*hidden_size")] if modulated else []),
            *([port("temporal_modulation", "vector", "B*N 6*hidden_size")] if modulated else []),
        ],
        [port("x", "tokens", "B T N hidden_size", "temporal.x")],
        {
            "hidden_size": HIDDEN,
            **({"context_size": integer("features of a context token")} if cross else {}),
            **{name: _BLOCK[name] for name in shared},
            "temporal_attention": _TEMPORAL,
            "num_frames": _NUM_FRAMES,
            "first": _FIRST,
        },
        REFERENCE,
    )


def _main(cross: bool, modulated: bool, shared: list[str]) -> Json:
    graph = Graph()
    graph.call("frames", "SwapFrames", help="frames before channels", x="x")
    graph.call("images", "FoldFrames", x="frames.out")
    size = {"hidden_size": "hidden_size"}
    graph.call("patch_embed", "PatchEmbed", {**size, "patch_size": "patch_size"}, x="images.out")
    position = {"patch_size": "patch_size", "base_size": "base_size", "scale": "position_scale"}
    graph.call("position", "ScaledSinCosPosition", position, tokens="patch_embed.tokens", like="images.out")
    graph.call("tokens", "UnfoldFrames", x="position.out", like="frames.out")
    graph.call("t_embedder", "TimestepEmbedder", size, t="t")
    more = {}
    if modulated:
        graph.call("modulation", "SharedModulation", c="t_embedder.c")
        graph.call("places", "SwapFrames", x="tokens.out")
        for name, like in (("spatial", "frames"), ("temporal", "places")):
            node = graph.call(
                f"{name}_modulation", "RepeatFrames", x="modulation.modulation", like=f"{like}.out"
            )
            more[node] = f"{node}.out"
    if cross:
        project = {"hidden_features": "hidden_size", "out_features": "hidden_size"}
        graph.call("caption_projection", "CaptionProjection", project, context="context")
        graph.call("captions", "RepeatFrames", x="caption_projection.context", like="frames.out")
        more["context"] = "captions.out"
    params = {name: name for name in (*shared, "temporal_attention", "num_frames")} | {"first": "i == 0"}
    graph.call("blocks", "LatteLayer", params, repeat="depth", x="tokens.out", **more)
    graph.call("fold", "FoldFrames", x="blocks.x")
    graph.call("condition", "RepeatFrames", x="t_embedder.c", like="frames.out")
    features = {"patch_features": "patch_size*patch_size*out_channels"}
    graph.call("final_layer", "FinalLayer", features, x="fold.out", c="condition.out")
    out = {"out_channels": "out_channels", "patch_size": "patch_size"}
    graph.call("unpatchify", "Unpatchify", out, tokens="final_layer.patches", like="images.out")
    graph.call("unfold", "UnfoldFrames", x="unpatchify.out", like="frames.out")
    graph.call("video", "SwapFrames", help="channels before frames", x="unfold.out")
    return definition(
        "Text-to-video transformer: predicts noise (and the variance) of a noisy latent video at timestep t for a text.",
        graph,
        [
            port("x", "video", "B in_channels T H W", help="noisy latent video"),
            port("t", "timestep", "B", help="timestep, 0 … 999"),
            *([{**CONTEXT, "help": "text tokens"}] if cross else []),
        ],
        [port("out", "prediction", "B out_channels T H W", "video.out")],
        {name: one for name, one in _PARAMETERS.items() if name not in _BLOCK or name in shared},
        REFERENCE,
    )


def latte(
    values: Mapping[str, Any],
    cross: bool = True,
    modulated: bool = True,
    activation: str = "gelu-approximate",
    size: tuple[int, ...] = (16, 64, 64),
) -> dict[str, Any]:
    """Return the document of a Latte.

    `cross`: spatial blocks attend to the text; `modulated`: the timestep modulates and gates the branches.
    """
    dropout = values.get("dropout", 0.0) > 0
    shared = [name for name in _BLOCK if dropout or name != "dropout"]
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Latte",
        "parameters": dict(values),
        "main": "Latte",
        "training": training(
            values["in_channels"], values["out_channels"], size, prediction="epsilon", schedule="linear"
        ),
        "definitions": {
            "Latte": _main(cross, modulated, shared),
            "LatteLayer": _pair(cross, modulated, shared),
            "SpatialBlock": _block(False, cross, modulated, shared),
            "TemporalBlock": _block(True, False, modulated, shared),
            "Attention": attention(dropout=dropout),
            **({"CrossAttention": attention(cross=True, dropout=dropout, init="zero")} if cross else {}),
            "Mlp": feed_forward(activation, dropout),
            "TimestepEmbedder": TIMESTEP_EMBEDDER,
            **({"SharedModulation": MODULATION} if modulated else {}),
            **({"CaptionProjection": text_projection()} if cross else {}),
            "FinalLayer": FINAL,
        },
    }


_LATTE_1: dict[str, Any] = {
    "base_size": 32, "position_scale": 1.0, "num_frames": 16, "patch_size": 2, "in_channels": 4, "out_channels": 8,
    "hidden_size": 1152, "depth": 28, "num_heads": 16, "mlp_ratio": 4.0, "context_size": 4096, "qkv_bias": True,
    "norm_affine": False, "norm_eps": 1e-6, "temporal_attention": True,
}  # fmt: skip
_TINY = {**_LATTE_1, "base_size": 8, "num_frames": 8, "in_channels": 1, "out_channels": 1, "hidden_size": 48, "depth": 2, "num_heads": 4, "context_size": 32}  # fmt: skip

PRESETS = (
    Preset(
        id="latte-tiny",
        family="latte",
        title="Latte, tiny (4 frames, 16×16)",
        summary="Two pairs of a spatial and a temporal block of width 48, for tests and first steps.",
        reference=REFERENCE,
        document=partial(latte, _TINY, size=(4, 16, 16)),
    ),
    Preset(
        id="latte-1",
        family="latte",
        title="Latte-1 text-to-video",
        summary="28 pairs of a spatial and a temporal block, width 1152; 16 frames of 512×512; text by cross-attention.",
        reference=REFERENCE,
        document=partial(latte, _LATTE_1),
        published=1_057_246_880,
    ),
)
