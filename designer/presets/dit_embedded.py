"""DiT as diffusers builds it: every block embeds the timestep and the class itself."""

from collections.abc import Mapping
from typing import Any

from designer.presets.attention_parts import added, attention, feed_forward, modulated
from designer.presets.dit_blocks import REFERENCE
from designer.presets.graph import Graph, definition, integer, port
from designer.presets.latent_training import latent_training
from designer.presets.transformer_parts import FINAL_LAYER, TIMESTEP_EMBEDDER

_HIDDEN = integer("features of a token")
_BLOCK: dict[str, Any] = {
    "num_heads": {"type": "int", "default": 16, "min": 1, "help": "attention heads"},
    "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
    "qkv_bias": {"type": "bool", "default": True, "help": "learned constants in the queries, keys and values"},
    "norm_affine": {"type": "bool", "default": False, "help": "learned gain and bias in the second norm of a block"},
    "norm_eps": {"type": "float", "default": 1e-5, "min": 0, "help": "added to the variance by the second norm of a block"},
}  # fmt: skip
_DROPOUT = {"dropout": {"type": "float", "default": 0.1, "min": 0, "max": 0.99, "help": "dropout in a block"}}
_CLASSES: dict[str, Any] = {
    "num_classes": {"type": "int", "default": 1000, "min": 1, "help": "classes; label num_classes means no class"},
    "class_dropout": {"type": "float", "default": 0.1, "min": 0, "max": 1, "help": "probability of dropping the class in training"},
}  # fmt: skip
_X = port("x", "tokens", "B N hidden_size")
_T = port("t", "timestep", "B", help="timestep, 0 … 999")
_Y = port("y", "class", "B", dtype="int64", help="class label")


def _same(names: Mapping[str, Any]) -> dict[str, str]:
    return {name: name for name in names}


def _condition() -> dict[str, Any]:
    size = {"hidden_size": "hidden_size"}
    graph = Graph()
    t = graph.call("t_embedder", "TimestepEmbedder", size, t="t") + ".c"
    classes = {"num_classes": "num_classes", **size, "dropout": "class_dropout"}
    y = graph.call("y_embedder", "ClassEmbedding", classes, y="y") + ".out"
    c = graph.call("add", "Add", a=t, b=y) + ".out"
    parameters = {"hidden_size": integer("size of the vector", 1152), **_CLASSES}
    doc = "Timestep and class, embedded and added."
    return definition(doc, graph, [_T, _Y], [port("c", "vector", "B hidden_size", c)], parameters, REFERENCE)


def _block(parameters: Mapping[str, Any]) -> dict[str, Any]:
    drop = {"dropout": "dropout"} if "dropout" in parameters else {}
    heads = {"num_heads": "num_heads", "qkv_bias": "qkv_bias", **drop}
    graph = Graph()
    graph.call("adaln", "AdaLNZero", {"hidden_size": "hidden_size"}, c="c")
    h = graph.call("norm1", "LayerNorm", {"elementwise_affine": False}, x="x") + ".out"
    h = graph.call("attn", "Attention", heads, x=modulated(graph, "msa", h)) + ".x"
    x = added(graph, "msa", "x", h, gated=True)
    norm = {"eps": "norm_eps", "elementwise_affine": "norm_affine"}
    h = modulated(graph, "mlp", graph.call("norm2", "LayerNorm", norm, x=x) + ".out")
    h = graph.call("mlp", "Mlp", {"mlp_hidden": "int(hidden_size*mlp_ratio)", **drop}, x=h) + ".x"
    x = added(graph, "mlp", x, h, gated=True)
    return definition(
        "Transformer block whose two branches are normalised, modulated and gated by the condition.",
        graph,
        [_X, port("c", "vector", "B hidden_size")],
        [{**_X, "from": x.split(".")}],
        {"hidden_size": _HIDDEN, **parameters},
        f"{REFERENCE}, section 3.2",
    )


def _embedded_block(parameters: Mapping[str, Any]) -> dict[str, Any]:
    graph = Graph()
    classes = {"hidden_size": "hidden_size", **_same(_CLASSES)}
    c = graph.call("condition", "Condition", classes, t="t", y="y") + ".c"
    x = graph.call("block", "DiTBlock", _same(parameters), x="x", c=c) + ".x"
    return definition(
        "A block with an embedding of timestep and class of its own.",
        graph,
        [_X, _T, _Y],
        [{**_X, "from": x.split(".")}],
        {"hidden_size": _HIDDEN, **parameters, **_CLASSES},
    )


def _main(parameters: Mapping[str, Any]) -> dict[str, Any]:
    patches = {"patch_size": "patch_size"}
    graph = Graph()
    h = graph.call("patch_embed", "PatchEmbed", {"hidden_size": "hidden_size", **patches}, x="x") + ".tokens"
    position = {**patches, "base_size": "base_size"}
    h = graph.call("position", "ScaledSinCosPosition", position, tokens=h, like="x") + ".out"
    classes = {"hidden_size": "hidden_size", **_same(_CLASSES)}
    c = graph.call("condition", "Condition", classes, t="t", y="y") + ".c"
    h = graph.call("first_block", "DiTBlock", _same(parameters), x=h, c=c) + ".x"
    blocks = {**_same(parameters), **_same(_CLASSES)}
    h = graph.call("blocks", "EmbeddedBlock", blocks, repeat="depth - 1", x=h, t="t", y="y") + ".x"
    final = {"patch_features": "patch_size*patch_size*out_channels"}
    h = graph.call("final_layer", "FinalLayer", final, x=h, c=c) + ".patches"
    graph.call("unpatchify", "Unpatchify", {"out_channels": "out_channels", **patches}, tokens=h, like="x")
    return definition(
        "Diffusion transformer in which each block embeds timestep and class; the final layer uses the first's.",
        graph,
        [port("x", "latent", "B in_channels H W", help="noisy latent"), _T, _Y],
        [port("out", "prediction", "B out_channels H W", "unpatchify.out")],
        {
            "base_size": integer("rows and columns of the grid of positions", 16),
            "patch_size": integer("side of a patch", 2),
            "in_channels": integer("channels of the latent", 4),
            "out_channels": integer("channels of the prediction; twice the input with learned variance", 8),
            "hidden_size": integer("features of a token", 1152, 4),
            "depth": integer("blocks", 28, 1, 1000),
            **parameters,
            **_CLASSES,
        },
        REFERENCE,
    )


def dit_embedded(values: Mapping[str, Any], activation: str, sample_size: int) -> dict[str, Any]:
    """Return the document of a DiT whose blocks embed the condition; with `dropout` among the values, it drops."""
    parameters = {**_BLOCK, **(_DROPOUT if "dropout" in values else {})}
    sinusoids = TIMESTEP_EMBEDDER["nodes"]["embed"]
    shifted = {**sinusoids, "params": {**sinusoids["params"], "frequency_shift": 1}}
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "DiT",
        "parameters": dict(values),
        "main": "DiT",
        "training": latent_training(
            values["in_channels"],
            values["out_channels"],
            sample_size,
            prediction="epsilon",
            num_classes=values["num_classes"],
        ),
        "definitions": {
            "DiT": _main(parameters),
            "EmbeddedBlock": _embedded_block(parameters),
            "DiTBlock": _block(parameters),
            "Condition": _condition(),
            "Attention": attention(dropout="dropout" in parameters),
            "Mlp": feed_forward(activation, "dropout" in parameters),
            "TimestepEmbedder": {
                **TIMESTEP_EMBEDDER,
                "nodes": {**TIMESTEP_EMBEDDER["nodes"], "embed": shifted},
            },
            "FinalLayer": FINAL_LAYER,
        },
    }
