"""Steady: an original hourglass that takes every advice on stability at once, in the places where it belongs.

Convolutions outside and a transformer inside. Skips: both streams are normalised, the skip weighted by its
level and by the log-SNR within [0, 1], the sum divided to keep unit variance. Updates: pre-norm, modulated, gates
of 0 at start, 1/√(2L); normalised queries and keys; gated feed-forward networks. Averages before subsampling.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from designer.library import definitions as library
from designer.presets import Preset
from designer.presets.condition_parts import VECTOR_MLP
from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.pixel_parts import Parts, Style
from designer.presets.pixel_unet import document

REFERENCE = "the stability article, Part IV; Karras et al. 2024, arXiv:2312.02696; Huang et al. 2023, arXiv:2310.13545"

_MAP = port("x", "map", "B in_channels H W")
_C = port("c", "vector", "B cond_size")
_LOG_SNR = port("log_snr", "log_snr", "B", help="log of the signal-to-noise ratio")
_GROUPS = {"num_groups": integer("groups of the normalisations", 32)}
_BLOCKS = {"num_blocks": integer("residual blocks", 2, 1, 16)}
_UPDATE: Json = {
    "norm_in": "RMSNorm",
    "modulator": "AdaLNZeroSingle",
    "modulation": "Modulate",
    "gate": "GateTokens",
    "scaling": "Scale",
    "beta": "beta",
}
_SKIP: Json = {
    "transform_d": "GroupNorm",
    "transform_s": "GroupNorm",
    "gate_s": "ProductGate",
    "fuse": "VPAdd",
}


def _stage() -> Json:
    graph = Graph()
    sizes = {"out_channels": "out_channels", "num_groups": "num_groups"}
    graph.call("blocks", "ResBlock", sizes, repeat="num_blocks", x="x", temb="c")
    parameters = {"in_channels": integer("channels of the input"), "out_channels": integer("channels of the stage"), **_BLOCKS, **_GROUPS}  # fmt: skip
    output = port("x", "map", "B out_channels H W", "blocks.x")
    doc = "Residual blocks at one resolution, each modulated by the condition and the identity at start."
    return definition(doc, graph, [_MAP, _C], [output], parameters, REFERENCE)


def _down() -> Json:
    graph = Graph()
    sizes = {"out_channels": "out_channels", "num_blocks": "num_blocks", "num_groups": "num_groups"}
    graph.call("stage", "Stage", sizes, x="x", c="c")
    graph.call("halve", "AvgPool2d", x="stage.x")
    outputs = [port("x", "map", "", "halve.out"), port("skip", "skip", "B out_channels H W", "stage.x")]
    parameters = {"in_channels": integer("channels of the input"), "out_channels": integer("channels of the level"), **_BLOCKS, **_GROUPS}  # fmt: skip
    doc = "One encoder resolution: a stage, whose output is the skip, then an average of 2×2 pixels."
    return definition(doc, graph, [_MAP, _C], outputs, parameters, REFERENCE)


def _up() -> Json:
    graph = Graph()
    graph.call("enlarge", "UpsampleNearest", x="x")
    graph.call("project", "Projection", {"out_channels": "out_channels"}, x="enlarge.out")
    choices = {**_SKIP, "level": "level", "levels": "levels", "num_groups": "num_groups"}
    graph.call("fusion", "SkipFusion", choices, d="project.out", s="skip", log_snr="log_snr")
    sizes = {"out_channels": "out_channels", "num_blocks": "num_blocks", "num_groups": "num_groups"}
    graph.call("stage", "Stage", sizes, x="fusion.y", c="c")
    inputs = [_MAP, port("skip", "skip", "B out_channels 2*H 2*W"), _C, _LOG_SNR]
    parameters = {
        "in_channels": integer("channels from below"),
        "out_channels": integer("channels of the level"),
        **_BLOCKS,
        **_GROUPS,
        "level": integer("number of the skip, 1 the shallowest", 1),
        "levels": integer("how many skips there are", 2),
    }
    doc = "One decoder resolution: doubling, the fusion with the skip, a stage."
    output = port("x", "map", "", "stage.x")
    return definition(doc, graph, inputs, [output], parameters, REFERENCE)


def _block() -> Json:
    graph = Graph()
    attention = {"operator": "Attention", "qk_norm": "RMSNorm", "num_heads": "num_heads", **_UPDATE}
    graph.call("msa", "ResidualUpdate", attention, x="x", c="c")
    hidden = {"expand": "SwiGLU", "activation": "Identity", "mlp_hidden": "8*hidden_size//3"}
    graph.call("mlp", "ResidualUpdate", {"operator": "FeedForward", **hidden, **_UPDATE}, x="msa.x", c="c")
    tokens = port("x", "tokens", "B N hidden_size")
    parameters: dict[str, Any] = {
        "hidden_size": integer("features of a token"),
        "num_heads": integer("attention heads", 8),
        "beta": {"type": "float", "default": 1.0, "min": 0, "help": "factor of each update"},
    }
    doc = "Transformer block of two regulated updates: attention with normalised queries and keys, gated network."
    return definition(doc, graph, [tokens, _C], [{**tokens, "from": ["mlp", "x"]}], parameters, REFERENCE)


def _middle() -> Json:
    graph = Graph()
    graph.call("to_tokens", "MapToTokens", x="x")
    graph.call("embed", "Linear", {"out_features": "hidden_size"}, x="to_tokens.tokens")
    graph.call("position", "ScaledSinCosPosition", {"patch_size": 1, "base_size": 16}, tokens="embed.out", like="x")  # fmt: skip
    beta = {"num_heads": "num_heads", "beta": "1/sqrt(2*L)"}
    graph.call("blocks", "Block", beta, repeat="depth", x="position.out", c="c")
    graph.call("norm", "RMSNorm", x="blocks.x")
    graph.call("project", "Linear", {"out_features": "in_channels"}, x="norm.out")
    graph.call("to_map", "TokensToMap", tokens="project.out", like="x")
    parameters = {
        "in_channels": integer("channels of the map"),
        "hidden_size": integer("features of a token", 768, 4),
        "depth": integer("blocks", 12, 1, 1000),
        "num_heads": integer("attention heads", 12),
    }
    doc = "The middle: transformer blocks over the pixels of the coarsest map."
    return definition(doc, graph, [_MAP, _C], [port("x", "map", "", "to_map.out")], parameters, REFERENCE)


def _condition() -> Json:
    graph = Graph()
    graph.call("t_embed", "TimestepEmbedding", {"dim": 256, "cos_first": True}, t="t")
    graph.call("t_mlp", "VectorMlp", {"hidden_size": "cond_size"}, x="t_embed.out")
    classes = {"num_classes": "num_classes", "hidden_size": "cond_size", "dropout": "class_dropout"}
    graph.call("y_embed", "ClassEmbedding", classes, y="y")
    graph.call("add", "Add", a="t_mlp.x", b="y_embed.out")
    parameters = {name: _PARAMETERS[name] for name in ("num_classes", "class_dropout")}
    inputs = [port("t", "timestep", "B"), port("y", "class", "B", dtype="int64")]
    doc = "Timestep and class to one condition vector."
    return definition(doc, graph, inputs, [port("c", "vector", "B cond_size", "add.out")], parameters, REFERENCE)  # fmt: skip


_PARAMETERS: Json = {
    "in_channels": integer("channels of the latent", 4),
    "widths": {"type": "list", "default": [192, 384], "help": "channels of each convolutional level, finest first"},
    "num_blocks": integer("residual blocks of a stage", 2, 1, 16),
    "num_groups": integer("groups of the normalisations", 32),
    "hidden_size": integer("features of a token", 768, 4),
    "depth": integer("transformer blocks", 12, 1, 1000),
    "num_heads": integer("attention heads", 12),
    "cond_size": integer("size of the condition", 768, 2),
    "num_classes": integer("classes; label num_classes means no class", 1000),
    "class_dropout": {"type": "float", "default": 0.1, "min": 0, "max": 1, "help": "probability of dropping the class in training"},
}  # fmt: skip


def _main(levels: int) -> Json:
    graph = Graph()
    names = ("num_classes", "class_dropout")
    graph.call("condition", "Condition", {name: name for name in names}, t="t", y="y")
    graph.call("noise", "LogSNRFlow", t="t")
    graph.call("conv_in", "Conv2d", {"out_channels": "widths[0]"}, x="x")
    c, h = "condition.c", "conv_in.out"
    sizes = {"num_blocks": "num_blocks", "num_groups": "num_groups"}
    for index in range(levels):
        level: Json = {"out_channels": f"widths[{index}]", **sizes}
        h = graph.call(f"down_{index}", "DownLevel", level, x=h, c=c) + ".x"
    middle = {name: name for name in ("hidden_size", "depth", "num_heads")}
    h = graph.call("middle", "Middle", middle, x=h, c=c) + ".x"
    for index in reversed(range(levels)):
        level = {"out_channels": f"widths[{index}]", **sizes, "level": index + 1, "levels": levels}
        skip = f"down_{index}.skip"
        h = graph.call(f"up_{index}", "UpLevel", level, x=h, skip=skip, c=c, log_snr="noise.log_snr") + ".x"
    graph.call("norm_out", "GroupNorm", {"num_groups": "num_groups"}, x=h)
    graph.call("act_out", "SiLU", x="norm_out.out")
    graph.call("conv_out", "Conv2d", {"out_channels": "in_channels", "init": "zero"}, x="act_out.out")
    inputs = [
        port("x", "latent", "B in_channels H W", help="noisy latent"),
        port("t", "timestep", "B", help="timestep, 0 … 1000"),
        port("y", "class", "B", dtype="int64", help="class label"),
    ]
    output = port("flow", "prediction", "B in_channels H W", "conv_out.out")
    doc = "Steady: convolutions outside, a transformer inside, every path regulated; predicts the flow of a latent."
    return definition(doc, graph, inputs, [output], _PARAMETERS, REFERENCE)


def steady(values: Json, size: int) -> Json:
    """Return the document of a Steady with these parameter values."""
    parts = Parts(Style(REFERENCE, shared=("num_groups",), modulate=True))
    parts.res_block()
    found = {
        "Steady": _main(len(values["widths"])),
        "Condition": _condition(),
        "VectorMlp": VECTOR_MLP,
        "DownLevel": _down(),
        "Middle": _middle(),
        "UpLevel": _up(),
        "Stage": _stage(),
        "Block": _block(),
        **parts.definitions,
        **library("ResidualUpdate", "Attention", "FeedForward", "SkipFusion", "ProductGate"),
    }
    training = {
        "prediction": "flow", "schedule": "flow", "timesteps": 1000, "num_classes": values["num_classes"],
        "sample_shape": [values["in_channels"], size, size],
    }  # fmt: skip
    return document("Steady", found, values, training)


def _values(widths: Sequence[int], **others: Any) -> Json:
    defaults = {name: one["default"] for name, one in _PARAMETERS.items()}
    return {**defaults, "widths": list(widths), **others}


_TINY = _values(
    (32, 64), in_channels=1, num_blocks=1, num_groups=8, hidden_size=64, depth=4, num_heads=4, cond_size=64,
    num_classes=10,
)  # fmt: skip

PRESETS = (
    Preset(
        id="steady-tiny",
        family="steady",
        title="Steady, tiny (16×16 digits)",
        summary="The showcase at a size that learns scikit-learn's digits on a CPU in minutes.",
        reference=REFERENCE,
        document=partial(steady, _TINY, 16),
    ),
    Preset(
        id="steady",
        family="steady",
        title="Steady, 32×32 latents",
        summary="Original showcase: regulated skips and updates, QK-norm, gated networks, identity at start.",
        reference=REFERENCE,
        document=partial(steady, _values((192, 384)), 32),
    ),
)
