"""The blocks of latent video U-Nets: each spatial layer is followed by a temporal one, and the two are mixed."""

from typing import Any

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_attention import CONTEXT, CONTEXT_IN, GROUPS, HEADS

SVD = "Blattmann et al. 2023, arXiv:2311.15127"
IN = {"in_channels": integer("channels of the input")}
OUT = {"out_channels": integer("channels of the output")}
TEMB = {"temb_channels": integer("size of the time embedding")}
DEPTH = {"depth": integer("pairs of transformer blocks", 1, 0)}
EPS: dict[str, Json] = {"eps": {"type": "float", "default": 1e-5, "min": 0, "help": "added to the variance in residual blocks"}}  # fmt: skip
FRAMES = "B*T"
X_IN = port("x", "map", f"{FRAMES} in_channels H W")
TEMB_IN = port("temb", "vector", f"{FRAMES} temb_channels")
IMAGE_ONLY = port("image_only", "toggle", "B T")


def res_block(temporal: bool) -> Json:
    """Return a residual block over the pixels of a frame or, `temporal`, over the frames of a pixel."""
    graph = Graph()
    norm = {"num_groups": "num_groups", "eps": "eps"}
    conv, add = ("TemporalConv", "AddFrameEmbedding") if temporal else ("Conv2d", "AddEmbedding")
    wide: dict[str, Any] = {"out_channels": "channels" if temporal else "out_channels"}
    graph.call("norm1", "GroupNorm", norm, x="x")
    graph.call("act1", "SiLU", x="norm1.out")
    graph.call("conv1", conv, wide, x="act1.out")
    graph.call("temb_act", "SiLU", x="temb")
    graph.call("temb_proj", "Linear", {"out_features": wide["out_channels"]}, x="temb_act.out")
    graph.call("add_temb", add, x="conv1.out", embedding="temb_proj.out")
    graph.call("norm2", "GroupNorm", norm, x="add_temb.out")
    graph.call("act2", "SiLU", x="norm2.out")
    graph.call("conv2", conv, {**wide, "init": "zero"}, x="act2.out", help="starts at 0: the block starts as its shortcut")  # fmt: skip
    if temporal:
        graph.call("add", "Add", a="x", b="conv2.out")
        return definition(
            "Residual block over the frames of each pixel; the time embedding enters in between.",
            graph,
            [port("x", "map", "B channels T H W"), TEMB_IN],
            [port("x", "map", "B channels T H W", "add.out")],
            {"channels": integer("channels of the video"), **TEMB, **GROUPS, **EPS},
            SVD,
        )
    one = {**wide, "kernel_size": 1, "padding": 0}
    graph.call("shortcut", "Conv2d", one, when="in_channels != out_channels", x="x")
    graph.call("add", "Add", a="shortcut.out", b="conv2.out")
    return definition(
        "Residual block: normalise, activate, convolve, twice; the time embedding enters in between.",
        graph,
        [port("x", "map", "B in_channels H W"), port("temb", "vector", "B temb_channels")],
        [port("x", "map", "B out_channels H W", "add.out")],
        {**IN, **OUT, **TEMB, **GROUPS, **EPS},
        SVD,
    )


def video_res_block() -> Json:
    """Return a residual block over pixels, one over frames, and the mixture of what each puts out."""
    graph = Graph()
    share = {"num_groups": "num_groups", "eps": "eps"}
    graph.call("spatial", "ResBlock", {"out_channels": "out_channels", **share}, x="x", temb="temb")
    graph.call("unfold", "UnfoldFrames", x="spatial.x", like="image_only")
    graph.call("video", "SwapFrames", x="unfold.out")
    graph.call("temporal", "TemporalResBlock", share, x="video.out", temb="temb")
    graph.call("swap", "SwapFrames", x="temporal.x")
    graph.call("fold", "FoldFrames", x="swap.out")
    graph.call("mix", "FrameBlendWeight", image_only="image_only")
    graph.call("blend", "BlendFrames", spatial="spatial.x", temporal="fold.out", weight="mix.weight")
    return definition(
        "Residual block over pixels, then one over frames; a learned number mixes the two.",
        graph,
        [X_IN, TEMB_IN, IMAGE_ONLY],
        [port("x", "map", f"{FRAMES} out_channels H W", "blend.out")],
        {**IN, **OUT, **TEMB, **GROUPS, **EPS},
        SVD,
    )


def transformer_block(temporal: bool) -> Json:
    """Return self-attention, cross-attention, feed-forward; `temporal` blocks begin with a feed-forward too."""
    graph = Graph()
    end = "x"
    layers: list[tuple[str, str, str, dict[str, Any]]] = [
        *([("norm_in", "ff_in", "FeedForward", {"ff_hidden": "4*hidden_size"})] if temporal else []),
        ("norm1", "attn1", "SelfAttentionLayer", {"num_heads": "num_heads"}),
        ("norm2", "attn2", "CrossAttentionLayer", {"num_heads": "num_heads"}),
        ("norm3", "ff", "FeedForward", {"ff_hidden": "4*hidden_size"}),
    ]
    for norm, node, target, params in layers:
        graph.call(norm, "LayerNorm", {"eps": 1e-5}, x=end)
        context = {"context": "context"} if node == "attn2" else {}
        graph.call(node, target, params, x=f"{norm}.out", **context)
        end = graph.call(f"add_{node}", "Add", a=end, b=f"{node}.x") + ".out"
    what = "the frames of each pixel: feed-forward, " if temporal else "the pixels of each frame: "
    return definition(
        f"Transformer block over {what}self-attention, cross-attention to the context, feed-forward.",
        graph,
        [port("x", "tokens", "B M hidden_size"), CONTEXT_IN],
        [port("x", "tokens", "B M hidden_size", end)],
        {"hidden_size": integer("features of a token"), **CONTEXT, **HEADS},
        SVD,
    )


def transformer_pair() -> Json:
    """Return a transformer block over pixels, one over frames, and the mixture of what each puts out."""
    graph = Graph()
    heads = {"num_heads": "num_heads"}
    graph.call("repeat", "RepeatFrames", x="context", like="image_only")
    graph.call("spatial", "TransformerBlock", heads, x="x", context="repeat.out")
    graph.call("number", "AddToFrames", x="spatial.x", embedding="frame_embedding")
    graph.call("unfold", "UnfoldFrames", x="number.out", like="image_only")
    graph.call("pixels", "SwapFrames", x="unfold.out")
    graph.call("fold", "FoldFrames", x="pixels.out")
    graph.call("repeat_pixels", "RepeatFrames", x="context", like="pixels.out")
    graph.call("temporal", "TemporalTransformerBlock", heads, x="fold.out", context="repeat_pixels.out")
    graph.call("unfold_pixels", "UnfoldFrames", x="temporal.x", like="pixels.out")
    graph.call("swap", "SwapFrames", x="unfold_pixels.out")
    graph.call("fold_frames", "FoldFrames", x="swap.out")
    graph.call("blend", "BlendFrames", spatial="spatial.x", temporal="fold_frames.out", weight="weight")
    return definition(
        "Transformer block over pixels, then one over frames that knows their numbers; a learned number mixes the two.",
        graph,
        [
            port("x", "tokens", f"{FRAMES} M hidden_size"),
            port("context", "context", "B N context_dim"),
            port("frame_embedding", "vector", f"{FRAMES} hidden_size"),
            port("weight", "gate", FRAMES),
            IMAGE_ONLY,
        ],
        [port("x", "tokens", f"{FRAMES} M hidden_size", "blend.out")],
        {"hidden_size": integer("features of a token"), **CONTEXT, **HEADS},
        SVD,
    )


def frame_embedder() -> Json:
    """Return the embedding of the number of each frame."""
    graph = Graph()
    graph.call("number", "FrameIndex", like="image_only")
    graph.call("embed", "TimestepEmbedding", {"dim": "channels", "cos_first": True}, t="number.out")
    graph.call("fc1", "Linear", {"out_features": "4*channels"}, x="embed.out")
    graph.call("act", "SiLU", x="fc1.out")
    graph.call("fc2", "Linear", {"out_features": "channels"}, x="act.out")
    return definition(
        "The number of each frame as a vector: sinusoids, then an MLP.",
        graph,
        [IMAGE_ONLY],
        [port("embedding", "vector", f"{FRAMES} channels", "fc2.out")],
        {"channels": integer("size of the vector", 320)},
        SVD,
    )


def video_transformer() -> Json:
    """Return the transformer over pixels and frames, as a residual branch."""
    graph = Graph()
    graph.call("norm", "GroupNorm", {"num_groups": "num_groups", "eps": 1e-6}, x="x")
    graph.call("to_tokens", "MapToTokens", x="norm.out")
    graph.call("proj_in", "Linear", {"out_features": "channels"}, x="to_tokens.tokens")
    graph.call("frames", "FrameEmbedder", {"channels": "channels"}, image_only="image_only")
    graph.call("mix", "FrameBlendWeight", image_only="image_only")
    graph.call(
        "blocks", "TransformerPair", {"num_heads": "num_heads"}, repeat="depth", x="proj_in.out", context="context",
        frame_embedding="frames.embedding", weight="mix.weight", image_only="image_only",
    )  # fmt: skip
    graph.call("proj_out", "Linear", {"out_features": "channels", "init": "zero"}, x="blocks.x", help="starts at 0: the transformer starts as the identity")  # fmt: skip
    graph.call("to_map", "TokensToMap", tokens="proj_out.out", like="x")
    graph.call("add", "Add", a="x", b="to_map.out")
    return definition(
        "Transformer over pixels and frames, conditioned on the context, as a residual branch.",
        graph,
        [port("x", "map", f"{FRAMES} channels H W"), CONTEXT_IN, IMAGE_ONLY],
        [port("x", "map", f"{FRAMES} channels H W", "add.out")],
        {"channels": integer("channels of the map"), **CONTEXT, **HEADS, **DEPTH, **GROUPS},
        SVD,
    )
