"""HDiT, the hourglass diffusion transformer: local attention on fine grids, global attention on the coarsest."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.edm import preconditioned
from designer.presets.graph import Graph, definition, integer, integers, port
from designer.presets.pixel_unet import document

REFERENCE = "Crowson et al. 2024, arXiv:2401.11605"

_X = port("x", "tokens", "B N hidden_size")
_MAP = port("x", "map", "B hidden_size H W")
_C = port("c", "vector", "B cond_size")
_NOISE = port("noise", "sigma", "B", help="log of the noise level, by 4")
_HIDDEN = integer("features of a token")
_COND = integer("size of the condition")
_HEAD = integer("features of an attention head", 64, 8)
_KERNEL = integer("side of the square that a token attends to", 7)
_RATIO = integer("hidden features of the feed-forward network / hidden_size", 3)
_DROPOUT = {"type": "float", "default": 0.0, "min": 0, "max": 0.99, "help": "dropout in training"}
_ATTENTION = {
    "type": "block",
    "default": "NeighbourhoodAttention",
    "help": "which tokens a token attends to: NeighbourhoodAttention, ShiftedWindowAttention, DotProductAttention (all)",
}
_AUGMENT = port("augment", "vector", "B 9", help="how the image was augmented; zeros: not at all")
_PARAMETERS = {
    "image_channels": integer("channels of the image", 3),
    "patch_size": integer("side of a patch", 4),
    "widths": integers("features of a token at each level, finest first", [128, 256, 512]),
    "depths": integers("layers of each level on each side, finest first", [2, 2, 4]),
    "head_size": _HEAD,
    "kernel": _KERNEL,
    "cond_size": integer("size of the condition", 256, 2),
    "mapping_depth": integer("blocks of the mapping network", 2, 0),
}
_SHIFT = integer("by how much windows are shifted", 0, 0)
_LEVEL = {"head_size": _HEAD, "kernel": _KERNEL, "dropout": _DROPOUT, "attention": _ATTENTION}
_SIZES = {"hidden_size": _HIDDEN, "cond_size": _COND}
_LAYER = {**_LEVEL, "shift": _SHIFT}
_PASSED = {"head_size": "head_size", "kernel": "kernel", "dropout": "dropout", "attention": "=attention"}


def _linear(features: str, init: str = "default", **params: str) -> dict[str, Any]:
    return {**params, "out_features": features, "bias": False, "init": init}


def attention_branch() -> dict[str, Any]:
    """Return the attention of a layer, with a socket for which tokens attend to which."""
    graph = Graph()
    h = graph.call("norm", "AdaRMSNorm", x="x", c="c") + ".out"
    graph.call("qkv", "ProjectQKV", {"num_heads": "hidden_size//head_size", "bias": False}, x=h)
    graph.call("similarity", "CosineSimilarity", q="qkv.q", k="qkv.k")
    sizes = {"head_size": "head_size", "num_heads": "hidden_size//head_size"}
    graph.call("rotary", "AxialRotary", sizes, like="like")
    for name in ("q", "k"):
        graph.call(
            f"rotate_{name}", "RotateHalves", x=f"similarity.{name}", cos="rotary.cos", sin="rotary.sin"
        )
    h = graph.call(
        "attend", "=attention", {"patch_size": 1, "kernel": "kernel", "window": "kernel", "shift": "shift"},
        q="rotate_q.out", k="rotate_k.out", v="qkv.v", like="like",
    )  # fmt: skip
    h = graph.call("drop", "Dropout", {"p": "dropout"}, x=f"{h}.out")
    graph.call("proj", "Linear", _linear("hidden_size", "zero", in_features="hidden_size"), x=f"{h}.out")
    graph.call("add", "Add", a="x", b="proj.out")
    doc = "Attention branch: cosine similarity, axial rotary positions, zero at start."
    like = port("like", "map", "B channels H W", help="the grid of the tokens")
    return definition(
        doc, graph, [_X, _C, like], [{**_X, "from": ["add", "out"]}], {**_SIZES, **_LAYER}, REFERENCE
    )  # fmt: skip


def feed_forward_branch() -> dict[str, Any]:
    """Return the feed-forward network of a layer."""
    graph = Graph()
    graph.call("norm", "AdaRMSNorm", x="x", c="c")
    graph.call("up", "GEGLU", {"out_features": "mlp_ratio*hidden_size", "bias": False}, x="norm.out")
    graph.call("drop", "Dropout", {"p": "dropout"}, x="up.out")
    graph.call("down", "Linear", _linear("hidden_size", "zero"), x="drop.out")
    graph.call("add", "Add", a="x", b="down.out")
    parameters = {**_SIZES, "mlp_ratio": _RATIO, "dropout": _DROPOUT}
    doc = "Feed-forward branch: gated GELU, zero at start."
    return definition(doc, graph, [_X, _C], [{**_X, "from": ["add", "out"]}], parameters, REFERENCE)


def layer() -> dict[str, Any]:
    """Return a transformer layer."""
    graph = Graph()
    graph.call("attn", "AttentionBranch", {**_PASSED, "shift": "shift"}, x="x", c="c", like="like")
    graph.call("ff", "FeedForwardBranch", {"dropout": "dropout"}, x="attn.x", c="c")
    like = port("like", "map", "B channels H W", help="the grid of the tokens")
    doc = "Transformer layer of a level."
    parameters = {**_SIZES, **_LAYER}
    return definition(doc, graph, [_X, _C, like], [{**_X, "from": ["ff", "x"]}], parameters, REFERENCE)


def _level() -> dict[str, Any]:
    graph = Graph()
    graph.call("to_tokens", "MapToTokens", x="x")
    every_other = {"shift": "kernel//2 if i % 2 == 1 else 0"}
    graph.call(
        "layers",
        "HourglassLayer",
        {**_PASSED, **every_other},
        repeat="depth",
        x="to_tokens.tokens",
        c="c",
        like="x",
    )
    graph.call("to_map", "TokensToMap", tokens="layers.x", like="x")
    parameters = {**_SIZES, "depth": integer("layers", 2, 0, 1000), **_LEVEL}
    doc = "One resolution of the hourglass: transformer layers over the tokens of a grid."
    return definition(doc, graph, [_MAP, _C], [{**_MAP, "from": ["to_map", "out"]}], parameters, REFERENCE)


def _mapping_block() -> dict[str, Any]:
    graph = Graph()
    graph.call("norm", "RMSNorm", x="c")
    graph.call("up", "GEGLU", {"out_features": "3*cond_size", "bias": False}, x="norm.out")
    graph.call("down", "Linear", _linear("cond_size", "zero"), x="up.out")
    graph.call("add", "Add", a="c", b="down.out")
    doc = "Block of the mapping network: a gated feed-forward network on the condition."
    return definition(doc, graph, [_C], [{**_C, "from": ["add", "out"]}], {"cond_size": _COND}, REFERENCE)


def _condition() -> dict[str, Any]:
    graph = Graph()
    graph.call("column", "Unsqueeze", {"axis": -1}, x="noise")
    graph.call("time_embed", "FourierProjection", {"dim": "cond_size"}, x="column.out")
    graph.call("time_proj", "Linear", _linear("cond_size"), x="time_embed.out")
    graph.call("augment_embed", "FourierProjection", {"dim": "cond_size"}, x="augment")
    graph.call("augment_proj", "Linear", _linear("cond_size"), x="augment_embed.out")
    graph.call("add", "Add", a="time_proj.out", b="augment_proj.out")
    graph.call("norm_in", "RMSNorm", x="add.out")
    graph.call("blocks", "MappingBlock", repeat="mapping_depth", c="norm_in.out")
    graph.call("norm_out", "RMSNorm", x="blocks.c")
    inputs = [_NOISE, port("augment", "vector", "B 9")]
    parameters = {
        "cond_size": integer("size of the condition", 256, 2),
        "mapping_depth": integer("blocks of the mapping network", 2, 0),
    }
    doc = "Noise level and augmentation to the condition: Fourier features, then the mapping network."
    return definition(doc, graph, inputs, [{**_C, "from": ["norm_out", "out"]}], parameters, REFERENCE)


def _final_layer() -> dict[str, Any]:
    graph = Graph()
    graph.call("to_tokens", "MapToTokens", x="x")
    graph.call("norm", "RMSNorm", x="to_tokens.tokens")
    graph.call("to_map", "TokensToMap", tokens="norm.out", like="x")
    sizes = {"out_channels": "out_channels", "patch_size": "patch_size", "init": "zero"}
    graph.call("proj", "TokenSplit", sizes, x="to_map.out")
    parameters = {
        "hidden_size": _HIDDEN,
        "out_channels": integer("channels of the image"),
        "patch_size": integer("side of a patch", 4),
    }
    out = port("x", "image", "B out_channels H*patch_size W*patch_size", "proj.out")
    doc = "Normalisation and the projection of each token to its patch, zero at start."
    return definition(doc, graph, [_MAP], [out], parameters, REFERENCE)


def _network(attentions: Sequence[str], dropouts: Sequence[float]) -> dict[str, Any]:
    graph = Graph()
    sizes = {"cond_size": "cond_size", "mapping_depth": "mapping_depth"}
    graph.call("condition", "Condition", sizes, noise="noise", augment="augment")
    sizes = {"out_channels": "widths[0]", "patch_size": "patch_size"}
    graph.call("patch_in", "TokenMerge", sizes, x="x")

    def level(node: str, index: int, source: str) -> str:
        choices = {"dropout": dropouts[index], "attention": attentions[index]}
        sizes = {"depth": f"depths[{index}]", "head_size": "head_size", "kernel": "kernel", **choices}
        return graph.call(node, "Level", sizes, x=source, c="condition.c") + ".x"

    h, levels = "patch_in.out", len(attentions)
    for index in range(levels - 1):
        h = level(f"down_{index}", index, h)
        h = graph.call(f"merge_{index}", "TokenMerge", {"out_channels": f"widths[{index + 1}]"}, x=h) + ".out"
    h = level("middle", levels - 1, h)
    for index in reversed(range(levels - 1)):
        h = graph.call(f"split_{index}", "TokenSplit", {"out_channels": f"widths[{index}]"}, x=h) + ".out"
        h = graph.call(f"skip_{index}", "=fuse", a=h, b=f"down_{index}.x") + ".out"
        h = level(f"up_{index}", index, h)
    sizes = {"out_channels": "image_channels", "patch_size": "patch_size"}
    h = graph.call("final_layer", "FinalLayer", sizes, x=h) + ".x"
    fuse = {"type": "block", "default": "LearnedLerp", "help": "how a skip (b) joins the trunk (a)"}
    image = port("x", "image", "B image_channels H W", help="noisy image, scaled to unit variance")
    doc = "Hourglass transformer on pixels: fine levels attend to neighbours, the coarsest to everything."
    return definition(
        doc, graph, [image, _NOISE, _AUGMENT], [port("x", "image", "B image_channels H W", h)],
        {**_PARAMETERS, "fuse": fuse}, REFERENCE,
    )  # fmt: skip


def hdit(
    values: dict[str, Any], attentions: Sequence[str], dropouts: Sequence[float], size: int
) -> dict[str, Any]:
    """Return the document of an HDiT with these parameter values; attention and dropout are of each level."""
    inputs = [
        port("x", "image", "B image_channels H W", help="noisy image"),
        port("sigma", "sigma", "B", help="noise level; positive"),
        _AUGMENT,
    ]
    doc = "HDiT: estimates the clean image from x with noise of standard deviation σ."
    definitions = {
        "HDiT": preconditioned("Hourglass", tuple(_PARAMETERS), inputs, _PARAMETERS, doc, REFERENCE),
        "Hourglass": _network(attentions, dropouts),
        "Level": _level(),
        "HourglassLayer": layer(),
        "AttentionBranch": attention_branch(),
        "FeedForwardBranch": feed_forward_branch(),
        "Condition": _condition(),
        "MappingBlock": _mapping_block(),
        "FinalLayer": _final_layer(),
    }
    shape = [values["image_channels"], size, size]
    training = {"prediction": "x0", "schedule": "edm", "sample_shape": shape}
    return document("HDiT", definitions, values, training)


_FLOWERS = {
    "image_channels": 3, "patch_size": 4, "widths": [128, 256, 512], "depths": [2, 2, 4],
    "head_size": 64, "kernel": 7, "cond_size": 256, "mapping_depth": 2, "sigma_data": 0.5,
}  # fmt: skip
_TINY = {
    **_FLOWERS, "image_channels": 1, "patch_size": 2, "widths": [32, 64], "depths": [1, 2],
    "head_size": 16, "kernel": 3, "cond_size": 32,
}  # fmt: skip

PRESETS = (
    Preset(
        id="hdit-tiny",
        family="hdit",
        title="HDiT, tiny (16×16 digits)",
        summary="An hourglass of two levels: neighbourhoods of 3×3 tokens, then global attention.",
        reference=REFERENCE,
        document=partial(hdit, _TINY, ("NeighbourhoodAttention", "DotProductAttention"), (0.0, 0.0), 16),
    ),
    Preset(
        id="hdit-flowers-256",
        family="hdit",
        title="HDiT, Oxford Flowers 256×256",
        summary="The published 22 M hourglass on pixels: two levels of 7×7 neighbourhoods, one of global attention.",
        reference=REFERENCE,
        document=partial(
            hdit,
            _FLOWERS,
            ("NeighbourhoodAttention", "NeighbourhoodAttention", "DotProductAttention"),
            (0.0, 0.0, 0.1),
            256,
        ),
        published=22_361_274,
    ),
)
