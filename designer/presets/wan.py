"""Wan (Wan Team 2025): a video diffusion transformer with cross-attention to text and rotary positions in 3D."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.attention_parts import feed_forward, text_projection
from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.pixart_conditions import FINAL, MODULATION
from designer.presets.rotary_attention import CONTEXT, EPS, HEADS, HIDDEN, ROTARY, TOKENS, rotary_attention
from designer.presets.transformer_parts import TIMESTEP_EMBEDDER
from designer.presets.video_parts import branch, training

REFERENCE = "Wan Team 2025, arXiv:2503.20314"

_IMAGE = port("image", "context", "B K context_size")
_MLP_HIDDEN = integer("hidden features of the MLP")
_CROSS_NORM: Json = {"type": "bool", "default": True, "help": "normalise before cross-attention"}
_PARAMETERS: dict[str, Json] = {
    "patch_size": integers("frames, rows and columns of a patch", (1, 2, 2)),
    "in_channels": integer("channels of the video", 16),
    "out_channels": integer("channels of the prediction", 16),
    "hidden_size": integer("features of a token", 1536, 6),
    "depth": integer("blocks", 30, 0, 1000),
    "num_heads": integer("attention heads", 12),
    "rope_axes": integers("features of a head rotated by frame, row and column", (44, 42, 42)),
    "mlp_hidden": integer("hidden features of the MLP", 8960),
    "text_size": integer("features of a text token", 4096),
    "frequency_size": integer("size of the sinusoidal embedding of the timestep", 256, 2),
    "cross_norm": _CROSS_NORM,
    "norm_eps": EPS,
    "max_length": integer("most patches along one axis", 1024),
}
_IMAGE_SIZE = integer("features of an image token", 1280)


def _block(split_image: bool) -> Json:
    """Self-attention, cross-attention, MLP; `split_image`: image tokens have keys and values of their own."""
    graph = Graph()
    graph.call("adaln", "AdaLNSingle", {"hidden_size": "hidden_size"}, modulation="modulation")
    heads = {"num_heads": "num_heads", "norm_eps": "norm_eps"}
    end = branch(graph, "x", "msa", "attn", "SelfAttention", heads, cos="cos", sin="sin")
    norm = graph.call("norm_cross", "LayerNorm", {"eps": "norm_eps"}, when="cross_norm", x=end) + ".out"
    image = {"image": "image"} if split_image else {}
    graph.call("cross_attn", "CrossAttention", heads, x=norm, context="context", **image)
    end = graph.call("add_cross", "Add", a=end, b="cross_attn.x") + ".out"
    end = branch(graph, end, "mlp", "mlp", "Mlp", {"mlp_hidden": "mlp_hidden"})
    return definition(
        "Self-attention, cross-attention to the text, MLP; two of them modulated and gated by the shared modulation.",
        graph,
        [
            TOKENS,
            CONTEXT,
            port("modulation", "vector", "B 6*hidden_size"),
            *ROTARY,
            *([_IMAGE] if split_image else []),
        ],
        [port("x", "tokens", "B N hidden_size", end)],
        {
            "hidden_size": HIDDEN,
            "context_size": integer("features of a context token"),
            "num_heads": HEADS,
            "mlp_hidden": _MLP_HIDDEN,
            "cross_norm": _CROSS_NORM,
            "norm_eps": EPS,
        },
        REFERENCE,
    )


def _image_cross_attention() -> Json:
    """Cross-attention to text and, with keys and values of their own, to image tokens; the results are added."""
    found = rotary_attention("RMSNorm", across_heads=True, cross=True, reference=REFERENCE)
    graph = Graph()
    graph.nodes, graph.edges = dict(found["nodes"]), list(found["edges"])
    for name in ("k", "v"):
        node = f"image_{name}"
        graph.call(node, "Linear", {"out_features": "hidden_size", "init": "xavier_uniform"}, x="image")
        end = f"{node}.out"
        if name == "k":
            end = graph.call(f"{node}_norm", "RMSNorm", {"eps": "norm_eps"}, x=end) + ".out"
        graph.call(f"{node}_heads", "SplitHeads", {"num_heads": "num_heads"}, x=end)
    graph.call(
        "attend_image", "DotProductAttention", q="q_heads.out", k="image_k_heads.out", v="image_v_heads.out"
    )
    graph.call("add_image", "Add", a="attend.out", b="attend_image.out")
    graph.edges = [
        ["add_image.out", target] if target == "proj.x" else [source, target]
        for source, target in graph.edges
    ]
    graph.nodes["proj"] = graph.nodes.pop("proj")
    return {
        **found,
        "doc": "Multi-head cross-attention over text and image tokens, each with its own keys and values.",
        "nodes": graph.nodes,
        "edges": graph.edges,
        "inputs": [*found["inputs"], _IMAGE],
    }


def _image_projection(positions: int | None) -> Json:
    """Image tokens to the width of the network; with `positions`, two images a sample are joined and numbered."""
    graph = Graph()
    end = "image"
    if positions is not None:
        end = graph.call("join", "JoinPairs", x=end) + ".out"
        end = graph.call("position", "LearnedPosition", {"length": positions}, x=end) + ".out"
    linear = partial(graph.call, target="Linear")
    end = graph.call("norm1", "LayerNorm", {"eps": 1e-5}, x=end) + ".out"
    end = linear("fc1", params={"out_features": "image_size"}, x=end) + ".out"
    end = graph.call("act", "GELU", {"approximate": "none"}, x=end) + ".out"
    end = linear("fc2", params={"out_features": "hidden_size"}, x=end) + ".out"
    end = graph.call("norm2", "LayerNorm", {"eps": 1e-5}, x=end) + ".out"
    pairs = positions is not None
    return definition(
        "Image tokens to the width of the network: norm, a two-layer perceptron, norm.",
        graph,
        [port("image", "context", "images S image_size" if pairs else "B S image_size")],
        [port("image", "context", "", end)],
        {
            "image_size": integer("features of an image token"),
            "hidden_size": integer("features of the result"),
        },
        REFERENCE,
    )


def _main(image: bool, split_image: bool, positions: int | None) -> Json:
    graph = Graph()
    width = {"hidden_size": "hidden_size"}
    graph.call("patch_embed", "PatchEmbed3D", {**width, "patch_size": "patch_size"}, x="x")
    rope = {"axes": "rope_axes", "patch_size": "patch_size", "max_length": "max_length"}
    graph.call("rope", "RotaryPosition3D", rope, like="x")
    graph.call("t_embedder", "TimestepEmbedder", {**width, "frequency_size": "frequency_size"}, t="t")
    graph.call("modulation", "SharedModulation", c="t_embedder.c")
    project = {"hidden_features": "hidden_size", "out_features": "hidden_size"}
    context = graph.call("text_projection", "TextProjection", project, context="context") + ".context"
    more = {}
    if image:
        tokens = graph.call("image_projection", "ImageProjection", width, image="image") + ".image"
        if split_image:
            more["image"] = tokens
        else:
            context = graph.call("join", "ConcatTokens", a=tokens, b=context) + ".out"
    shared = {name: name for name in ("num_heads", "mlp_hidden", "cross_norm", "norm_eps")}
    graph.call(
        "blocks",
        "WanBlock",
        shared,
        repeat="depth",
        x="patch_embed.tokens",
        context=context,
        modulation="modulation.modulation",
        cos="rope.cos",
        sin="rope.sin",
        **more,
    )
    features = "patch_size[0]*patch_size[1]*patch_size[2]*out_channels"
    graph.call(
        "final_layer",
        "FinalLayer",
        {"patch_features": features, "norm_eps": "norm_eps"},
        x="blocks.x",
        c="t_embedder.c",
    )
    graph.call(
        "unpatchify",
        "Unpatchify3D",
        {"out_channels": "out_channels", "patch_size": "patch_size"},
        tokens="final_layer.patches",
        like="x",
    )
    shape = "B S image_size" if positions is None else f"2*B {positions // 2} image_size"
    return definition(
        "Text-to-video transformer: predicts the flow velocity of a noisy latent video at timestep t for a text.",
        graph,
        [
            port("x", "video", "B in_channels T H W", help="noisy latent video"),
            port("t", "timestep", "B", help="timestep, 0 … 1000"),
            port(
                "context",
                "context",
                "B 512 text_size" if split_image else "B M text_size",
                help="text tokens",
            ),
            *([port("image", "context", shape, help="image tokens")] if image else []),
        ],
        [port("out", "prediction", "B out_channels T H W", "unpatchify.out")],
        {**_PARAMETERS, **({"image_size": _IMAGE_SIZE} if image else {})},
        REFERENCE,
    )


def wan(
    values: Mapping[str, Any],
    split_image: bool = False,
    positions: int | None = None,
    size: tuple[int, ...] = (21, 60, 104),
) -> dict[str, Any]:
    """Return the document of a Wan; with a value for `image_size`, image tokens are a condition.

    `split_image`: image tokens have keys and values of their own; else they join the text. `positions`: image
    tokens of two images a sample are joined and get this many learned positions.
    """
    image = "image_size" in values
    cross = (
        _image_cross_attention()
        if split_image
        else rotary_attention("RMSNorm", across_heads=True, cross=True, reference=REFERENCE)
    )
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Wan",
        "parameters": dict(values),
        "main": "WanTransformer",
        "training": training(
            values["in_channels"], values["out_channels"], size, prediction="flow", schedule="flow"
        ),
        "definitions": {
            "WanTransformer": _main(image, split_image, positions),
            "WanBlock": _block(split_image),
            "SelfAttention": rotary_attention(
                "RMSNorm", across_heads=True, rotary="ApplyRotary", reference=REFERENCE
            ),
            "CrossAttention": cross,
            "Mlp": feed_forward(),
            "TimestepEmbedder": TIMESTEP_EMBEDDER,
            "SharedModulation": MODULATION,
            "TextProjection": text_projection(),
            **({"ImageProjection": _image_projection(positions)} if image else {}),
            "FinalLayer": FINAL,
        },
    }


_1_3B: dict[str, Any] = {
    "patch_size": [1, 2, 2], "in_channels": 16, "out_channels": 16, "hidden_size": 1536, "depth": 30, "num_heads": 12, "rope_axes": [44, 42, 42],
    "mlp_hidden": 8960, "text_size": 4096, "frequency_size": 256, "cross_norm": True, "norm_eps": 1e-6, "max_length": 1024,
}  # fmt: skip
_14B = {**_1_3B, "hidden_size": 5120, "depth": 40, "num_heads": 40, "mlp_hidden": 13824}
_TINY = {**_1_3B, "in_channels": 4, "out_channels": 4, "hidden_size": 48, "depth": 3, "num_heads": 4, "rope_axes": [4, 4, 4], "mlp_hidden": 128, "text_size": 32, "max_length": 64}  # fmt: skip

PRESETS = (
    Preset(
        id="wan-tiny",
        family="wan",
        title="Wan, tiny (4 frames, 16×16)",
        summary="A Wan of depth 3 and width 48, for tests and first steps.",
        reference=REFERENCE,
        document=partial(wan, _TINY, size=(4, 16, 16)),
    ),
    Preset(
        id="wan2.1-t2v-1.3b",
        family="wan",
        title="Wan 2.1 text-to-video, 1.3B",
        summary="Depth 30, width 1536; cross-attention to 512 text tokens; 81 frames of 480×832 as 21 latent frames.",
        reference=REFERENCE,
        document=partial(wan, _1_3B),
        published=1_418_996_800,
    ),
    Preset(
        id="wan2.1-t2v-14b",
        family="wan",
        title="Wan 2.1 text-to-video, 14B",
        summary="The same network at depth 40 and width 5120.",
        reference=REFERENCE,
        document=partial(wan, _14B),
        published=14_288_491_584,
    ),
)
