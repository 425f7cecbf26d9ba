"""FLUX.1: blocks of two streams, then blocks of one stream, rotary positions from coordinates."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.condition_parts import VECTOR_MLP, time_text_embedder
from designer.presets.graph import Graph, definition, integer, port
from designer.presets.mmdit_blocks import MLP_BRANCH, joint_attention, joint_block, rotated
from designer.presets.transformer_parts import FINAL_LAYER

REFERENCE = "Black Forest Labs 2024, FLUX.1; Esser et al. 2024, arXiv:2403.03206"

_PARAMETERS: dict[str, Any] = {
    "in_features": {"type": "int", "default": 64, "min": 1, "help": "features of a latent token: channels · patch²"},
    "out_features": {"type": "int", "default": 64, "min": 1, "help": "features of a predicted token"},
    "context_size": {"type": "int", "default": 4096, "min": 1, "help": "features of a text token"},
    "pooled_size": {"type": "int", "default": 768, "min": 1, "help": "size of the pooled text"},
    "hidden_size": {"type": "int", "default": 3072, "min": 4, "help": "features of a token"},
    "depth": {"type": "int", "default": 19, "min": 0, "max": 1000, "help": "blocks of two streams"},
    "single_depth": {"type": "int", "default": 38, "min": 0, "max": 1000, "help": "blocks of one stream"},
    "num_heads": {"type": "int", "default": 24, "min": 1, "help": "attention heads"},
    "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
    "qk_norm": {"type": "block", "default": "RMSNorm", "help": "normalises queries and keys in each head; Identity for none"},
}  # fmt: skip


def single_block() -> dict[str, Any]:
    """Return the block of one stream."""
    graph, hidden = Graph(), "int(hidden_size*mlp_ratio)"
    graph.call("adaln", "AdaLNZeroSingle", {"hidden_size": "hidden_size"}, c="c")
    graph.call("norm", "LayerNorm", {"elementwise_affine": False}, x="x")
    graph.call("modulate", "Modulate", x="norm.out", shift="adaln.shift", scale="adaln.scale")
    graph.call("qkv", "ProjectQKV", {"num_heads": "num_heads"}, x="modulate.out")
    graph.call("norm_q", "=qk_norm", x="qkv.q")
    graph.call("norm_k", "=qk_norm", x="qkv.k")
    graph.edges += rotated(graph.nodes, "norm_q.out", "norm_k.out")
    graph.call("attention", "DotProductAttention", v="qkv.v")
    graph.call("fc1", "Linear", {"out_features": hidden, "init": "xavier_uniform"}, x="modulate.out")
    graph.call("act", "GELU", x="fc1.out")
    graph.call("join", "ConcatFeatures", a="attention.out", b="act.out")
    sizes = {
        "in_features": f"hidden_size + {hidden}",
        "out_features": "hidden_size",
        "init": "xavier_uniform",
    }
    graph.call("proj", "Linear", sizes, x="join.out")
    graph.call("apply_gate", "GateTokens", x="proj.out", gate="adaln.gate")
    graph.call("add", "Add", a="x", b="apply_gate.out")
    names = ("num_heads", "mlp_ratio", "qk_norm")
    return definition(
        "Block of one stream: attention and MLP side by side, one projection out of both.",
        graph,
        [
            port("x", "tokens", "B T hidden_size"),
            port("c", "vector", "B hidden_size"),
            port("cos", "rotary", "T half_head"),
            port("sin", "rotary", "T half_head"),
        ],
        [port("x", "tokens", "B T hidden_size", "add.out")],
        {"hidden_size": integer("features of a token"), **{name: _PARAMETERS[name] for name in names}},
        "Black Forest Labs 2024, FLUX.1; Dehghani et al. 2023, arXiv:2302.05442",
    )


def flux(
    values: Mapping[str, Any],
    axes: Sequence[int],
    guidance: bool = True,
    time_factor: float | None = None,
    name: str = "FLUX.1",
) -> dict[str, Any]:
    """Return the document of a FLUX with these parameter values.

    `axes` are the features of a head that each coordinate turns. `guidance` embeds the scale of guidance, for
    distilled models. `time_factor` multiplies the timestep, where it does not come in 0 … 1000. Depths of 0
    leave their blocks out.
    """
    definitions = {"JointBlock": joint_block(rotary=True), "JointAttention": joint_attention(rotary=True)}
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": name,
        "parameters": dict(values),
        "main": "Flux",
        "training": {
            "prediction": "flow",
            "schedule": "flow",
            "timesteps": 1000,
            "sample_shape": [64, values["in_features"]],
        },
        "definitions": {
            "Flux": _main(values, axes, guidance),
            **(definitions if values["depth"] else {}),
            **({"SingleBlock": single_block()} if values["single_depth"] else {}),
            **({"MlpBranch": MLP_BRANCH} if values["depth"] else {}),
            "Condition": time_text_embedder(time_factor, 1000.0 if guidance else None),
            "VectorMlp": VECTOR_MLP,
            "FinalLayer": FINAL_LAYER,
        },
    }


def _main(values: Mapping[str, Any], axes: Sequence[int], guidance: bool) -> dict[str, Any]:
    graph, wide = Graph(), {"out_features": "hidden_size"}
    scale = {"guidance": "guidance"} if guidance else {}
    graph.call("condition", "Condition", {"hidden_size": "hidden_size"}, t="t", pooled="pooled", **scale)
    graph.call("ids", "ConcatTokens", a="context_ids", b="x_ids")
    graph.call("rotary", "RotaryCoordinates", {"axes": list(axes)}, ids="ids.out")
    x = graph.call("x_embedder", "Linear", wide, x="x") + ".out"
    context = graph.call("context_embedder", "Linear", wide, x="context") + ".out"
    block = {"num_heads": "num_heads", "mlp_ratio": "mlp_ratio", "qk_norm": "=qk_norm"}
    shared = {"c": "condition.c", "cos": "rotary.cos", "sin": "rotary.sin"}
    if values["depth"]:
        graph.call("blocks", "JointBlock", block, repeat="depth", x=x, context=context, **shared)
        x, context = "blocks.x", "blocks.context"
    if values["single_depth"]:
        graph.call("join", "ConcatTokens", a=context, b=x)
        graph.call("single_blocks", "SingleBlock", block, repeat="single_depth", x="join.out", **shared)
        graph.call("split", "SplitTokens", x="single_blocks.x", like=context)
        x = "split.rest"
    graph.call("final_layer", "FinalLayer", {"patch_features": "out_features"}, x=x, c="condition.c")
    output = port("out", "prediction", "B N out_features", "final_layer.patches")
    doc = "Rectified-flow transformer: predicts the flow of noisy latent tokens for a text."
    return definition(doc, graph, _inputs(len(axes), guidance), [output], _PARAMETERS, REFERENCE)


def _inputs(axes: int, guidance: bool) -> list[dict[str, Any]]:
    scale = port("guidance", "guidance", "B", help="scale of guidance that is distilled into the model")
    return [
        port("x", "patches", "B N in_features", help="noisy latent, its patches as tokens"),
        port("context", "context", "B M context_size", help="text tokens"),
        port("pooled", "pooled", "B pooled_size", help="pooled text"),
        port("t", "timestep", "B", help="timestep, 0 … 1000"),
        port("x_ids", "positions", f"N {axes}", help="coordinates of the patches: 0, row, column"),
        port("context_ids", "positions", f"M {axes}", help="coordinates of the text tokens: 0"),
        *([scale] if guidance else []),
    ]


_PUBLISHED: dict[str, Any] = {
    "in_features": 64, "out_features": 64, "context_size": 4096, "pooled_size": 768, "hidden_size": 3072,
    "depth": 19, "single_depth": 38, "num_heads": 24, "mlp_ratio": 4.0, "qk_norm": "RMSNorm",
}  # fmt: skip
_TINY = {
    **_PUBLISHED, "in_features": 8, "out_features": 8, "context_size": 32, "pooled_size": 32, "hidden_size": 64,
    "depth": 2, "single_depth": 2, "num_heads": 4,
}  # fmt: skip

PRESETS = (
    Preset(
        id="flux-tiny",
        family="flux",
        title="FLUX, tiny",
        summary="Two blocks of two streams and two of one stream, of width 64, over 8-feature latent tokens.",
        reference=REFERENCE,
        document=partial(flux, _TINY, (4, 6, 6), name="FLUX, tiny"),
    ),
    Preset(
        id="flux-dev",
        family="flux",
        title="FLUX.1 dev",
        summary="The published 11.9 B transformer: 19 + 38 blocks of width 3072, guidance distilled.",
        reference=REFERENCE,
        document=partial(flux, _PUBLISHED, (16, 56, 56), name="FLUX.1 dev"),
        published=11_901_408_320,
    ),
    Preset(
        id="flux-schnell",
        family="flux",
        title="FLUX.1 schnell",
        summary="The published 11.9 B transformer for few steps: as dev, without guidance.",
        reference=REFERENCE,
        document=partial(flux, _PUBLISHED, (16, 56, 56), guidance=False, name="FLUX.1 schnell"),
        published=11_891_178_560,
    ),
)
