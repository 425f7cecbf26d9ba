"""U-ViT (Bao et al. 2023): time, class and patches are all tokens; long skips join the two halves of the network."""

from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.attention_parts import added, feed_forward, long_skip
from designer.presets.graph import Graph, definition, integer, port

REFERENCE = "Bao et al. 2023, arXiv:2209.12152"

_X = port("x", "tokens", "B N hidden_size")
_SKIP = port("skip", "tokens", "B N hidden_size")
_HIDDEN = integer("features of a token")
_EPS = 1e-5
_BLOCK: dict[str, Any] = {
    "num_heads": {"type": "int", "default": 8, "min": 1, "help": "attention heads"},
    "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
}  # fmt: skip
_FUSE = {
    "type": "block",
    "default": "LongSkip",
    "help": "how a long skip (b) joins the trunk (a): LongSkip, Add, LearnedLerp",
}
_PARAMETERS: dict[str, Any] = {
    "input_size": {"type": "int", "default": 32, "min": 1, "unit": "pixels", "help": "height and width of the input"},
    "patch_size": {"type": "int", "default": 2, "min": 1, "unit": "pixels", "help": "side of a patch"},
    "in_channels": integer("channels of the input", 3),
    "hidden_size": integer("features of a token", 512, 4),
    "depth": integer("blocks besides the middle one; even", 12, 2, 1000),
    **_BLOCK,
    "fuse": _FUSE,
}  # fmt: skip
_CLASSES: dict[str, Any] = {
    "num_classes": integer("classes", 1000),
    "class_dropout": {"type": "float", "default": 0.15, "min": 0, "max": 1, "help": "probability of dropping the class in training"},
}  # fmt: skip


def _attention() -> dict[str, Any]:
    graph = Graph()
    graph.call("qkv", "ProjectQKV", {"num_heads": "num_heads", "bias": False}, x="x")
    h = graph.call("attend", "DotProductAttention", q="qkv.q", k="qkv.k", v="qkv.v") + ".out"
    h = graph.call("proj", "Linear", {"in_features": "hidden_size", "out_features": "hidden_size"}, x=h)
    parameters = {"hidden_size": _HIDDEN, "num_heads": _BLOCK["num_heads"]}
    return definition(
        "Multi-head self-attention.", graph, [_X], [{**_X, "from": [h, "out"]}], parameters, "Vaswani et al. 2017, arXiv:1706.03762"
    )  # fmt: skip


def _block() -> dict[str, Any]:
    graph = Graph()
    h = graph.call("norm1", "LayerNorm", {"eps": _EPS}, x="x") + ".out"
    x = added(graph, "attn", "x", graph.call("attn", "Attention", {"num_heads": "num_heads"}, x=h) + ".x")
    h = graph.call("norm2", "LayerNorm", {"eps": _EPS}, x=x) + ".out"
    h = graph.call("mlp", "Mlp", {"mlp_hidden": "int(hidden_size*mlp_ratio)"}, x=h) + ".x"
    x = added(graph, "mlp", x, h)
    parameters = {"hidden_size": _HIDDEN, **_BLOCK}
    return definition("Plain transformer block.", graph, [_X], [{**_X, "from": x.split(".")}], parameters, REFERENCE)  # fmt: skip


def _skip_block() -> dict[str, Any]:
    graph = Graph()
    h = graph.call("skip", "=fuse", a="x", b="skip") + ".out"
    h = graph.call("block", "UViTBlock", {name: name for name in _BLOCK}, x=h) + ".x"
    parameters = {"hidden_size": _HIDDEN, **_BLOCK, "fuse": _FUSE}
    doc = "A block of the second half: joins a long skip first."
    return definition(doc, graph, [_X, _SKIP], [{**_X, "from": h.split(".")}], parameters, REFERENCE)


def _main(classes: str, conv: bool) -> dict[str, Any]:
    patches = {"patch_size": "patch_size"}
    graph = Graph()
    image = (
        graph.call("patch_embed", "PatchEmbed", {"hidden_size": "hidden_size", **patches}, x="x") + ".tokens"
    )
    t = graph.call("t_embed", "TimestepEmbedding", {"dim": "hidden_size", "cos_first": True}, t="t") + ".out"
    condition = graph.call("t_token", "AsToken", x=t) + ".out"
    if classes:
        width = {"hidden_size": "hidden_size"}
        if classes == "dropped":
            y = graph.call("y_embedder", "ClassEmbedding", {"num_classes": "num_classes", **width, "dropout": "class_dropout"}, y="y")  # fmt: skip
        else:
            y = graph.call("y_embedder", "Embedding", {"num_embeddings": "num_classes", "embedding_dim": "hidden_size"}, index="y")  # fmt: skip
        y = graph.call("y_token", "AsToken", x=f"{y}.out") + ".out"
        condition = graph.call("condition", "ConcatTokens", a=y, b=condition) + ".out"
    h = graph.call("sequence", "ConcatTokens", a=condition, b=image) + ".out"
    extras = 2 if classes else 1
    length = {"length": f"(input_size//patch_size)**2 + {extras}"}
    h = graph.call("position", "LearnedPosition", length, x=h) + ".out"
    block = {name: name for name in _BLOCK}
    h = graph.call("in_blocks", "UViTBlock", block, repeat="depth//2", x=h) + ".x"
    h = graph.call("mid_block", "UViTBlock", block, x=h) + ".x"
    h = graph.call("out_blocks", "SkipBlock", {**block, "fuse": "=fuse"}, repeat="depth//2", x=h, skip="in_blocks.x[]") + ".x"  # fmt: skip
    h = graph.call("norm", "LayerNorm", {"eps": _EPS}, x=h) + ".out"
    h = graph.call("decoder", "Linear", {"out_features": "patch_size*patch_size*in_channels"}, x=h) + ".out"
    h = graph.call("patches", "DropTokens", {"count": extras}, x=h) + ".out"
    out = graph.call(
        "unpatchify", "Unpatchify", {"out_channels": "in_channels", **patches}, tokens=h, like="x"
    )
    out = graph.call("final_conv", "Conv2d", {"out_channels": "in_channels"}, x=f"{out}.out") if conv else out
    sample = "B in_channels input_size input_size"
    return definition(
        "U-ViT: a vision transformer with long skips that predicts the noise; conditions are tokens.",
        graph,
        [
            port("x", "latent", sample, help="noisy image or latent"),
            port("t", "timestep", "B", help="timestep, 0 … 999"),
            *([port("y", "class", "B", dtype="int64", help="class label")] if classes else []),
        ],
        [port("eps", "prediction", sample, f"{out}.out")],
        {
            **_PARAMETERS,
            **{name: one for name, one in _CLASSES.items() if classes and (classes == "dropped" or name == "num_classes")},
        },
        REFERENCE,
    )  # fmt: skip


def uvit(values: dict[str, Any], conv: bool = True) -> dict[str, Any]:
    """Return the document of a U-ViT; the class is a token where `num_classes` is among the values.

    With `class_dropout` among them too, one more class stands for none. `conv`: a last 3×3 convolution.
    """
    classes = "" if "num_classes" not in values else "dropped" if "class_dropout" in values else "plain"
    size, channels = values["input_size"], values["in_channels"]
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "U-ViT",
        "parameters": values,
        "main": "UViT",
        "training": {
            "prediction": "epsilon",
            "schedule": "linear",
            "timesteps": 1000,
            **({"num_classes": values["num_classes"]} if classes else {}),
            "sample_shape": [channels, size, size],
        },
        "definitions": {
            "UViT": _main(classes, conv),
            "SkipBlock": _skip_block(),
            "UViTBlock": _block(),
            "LongSkip": long_skip(),
            "Attention": _attention(),
            "Mlp": feed_forward("gelu"),
        },
    }


def _values(
    size: int, patch: int, channels: int, width: int, depth: int, heads: int, **classes: Any
) -> dict[str, Any]:
    return {
        "input_size": size, "patch_size": patch, "in_channels": channels, "hidden_size": width, "depth": depth,
        "num_heads": heads, "mlp_ratio": 4.0, "fuse": "LongSkip", **classes,
    }  # fmt: skip


_SIZES: tuple[tuple[str, str, dict[str, Any], bool, int | None], ...] = (
    ("tiny", "tiny (16×16 digits)", _values(16, 2, 1, 64, 4, 4, num_classes=10, class_dropout=0.1), True, None),
    ("cifar10-s", "S/2, CIFAR-10 32×32", _values(32, 2, 3, 512, 12, 8), True, 44_255_328),
    ("imagenet64-l", "L/4, ImageNet 64×64", _values(64, 4, 3, 1024, 20, 16, num_classes=1000), True, 286_827_652),
    ("imagenet256-l", "L/2, ImageNet 256×256 latents", _values(32, 2, 4, 1024, 20, 16, num_classes=1000, class_dropout=0.15), True, 286_763_172),
    ("imagenet256-h", "H/2, ImageNet 256×256 latents", _values(32, 2, 4, 1152, 28, 16, num_classes=1000, class_dropout=0.15), False, 500_832_016),
)  # fmt: skip

PRESETS = tuple(
    Preset(
        id=f"uvit-{name}",
        family="uvit",
        title=f"U-ViT {title}",
        summary=f"{values['depth'] + 1} blocks of width {values['hidden_size']}, patch {values['patch_size']}, "
        f"{values['depth'] // 2} long skips.",
        reference=REFERENCE,
        document=partial(uvit, values, conv),
        published=count,
    )
    for name, title, values, conv, count in _SIZES
)
