"""FLUX.1: blocks of two streams, then blocks of one stream, rotary positions from coordinates."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.condition_parts import VECTOR_MLP, time_text_embedder
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
    nodes: dict[str, Any] = {
        "adaln": {"call": "AdaLNZeroSingle", "params": {"hidden_size": "hidden_size"}},
        "norm": {"call": "LayerNorm", "params": {"elementwise_affine": False}},
        "modulate": {"call": "Modulate"},
        "qkv": {"call": "ProjectQKV", "params": {"num_heads": "num_heads"}},
        "norm_q": {"call": "=qk_norm"},
        "norm_k": {"call": "=qk_norm"},
        "attention": {"call": "DotProductAttention"},
        "fc1": {"call": "Linear", "params": {"out_features": "int(hidden_size*mlp_ratio)", "init": "xavier_uniform"}},
        "act": {"call": "GELU"},
        "join": {"call": "ConcatFeatures"},
        "proj": {
            "call": "Linear",
            "params": {
                "in_features": "hidden_size + int(hidden_size*mlp_ratio)",
                "out_features": "hidden_size",
                "init": "xavier_uniform",
            },
        },
        "apply_gate": {"call": "GateTokens"},
        "add": {"call": "Add"},
    }  # fmt: skip
    edges = [
        ["c", "adaln.c"], ["x", "norm.x"], ["norm.out", "modulate.x"],
        ["adaln.shift", "modulate.shift"], ["adaln.scale", "modulate.scale"],
        ["modulate.out", "qkv.x"], ["qkv.q", "norm_q.x"], ["qkv.k", "norm_k.x"], ["qkv.v", "attention.v"],
        *rotated(nodes, "norm_q.out", "norm_k.out"),
        ["modulate.out", "fc1.x"], ["fc1.out", "act.x"], ["attention.out", "join.a"], ["act.out", "join.b"],
        ["join.out", "proj.x"], ["proj.out", "apply_gate.x"], ["adaln.gate", "apply_gate.gate"],
        ["x", "add.a"], ["apply_gate.out", "add.b"],
    ]  # fmt: skip
    return {
        "doc": "Block of one stream: attention and MLP side by side, one projection out of both.",
        "reference": "Black Forest Labs 2024, FLUX.1; Dehghani et al. 2023, arXiv:2302.05442",
        "parameters": {
            "hidden_size": {"type": "int", "help": "features of a token"},
            "num_heads": _PARAMETERS["num_heads"],
            "mlp_ratio": _PARAMETERS["mlp_ratio"],
            "qk_norm": _PARAMETERS["qk_norm"],
        },
        "inputs": [
            {"name": "x", "role": "tokens", "shape": "B T hidden_size"},
            {"name": "c", "role": "vector", "shape": "B hidden_size"},
            {"name": "cos", "role": "rotary", "shape": "T half_head"},
            {"name": "sin", "role": "rotary", "shape": "T half_head"},
        ],
        "outputs": [{"name": "x", "role": "tokens", "shape": "B T hidden_size", "from": ["add", "out"]}],
        "nodes": nodes,
        "edges": edges,
    }


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
    block = {"num_heads": "num_heads", "mlp_ratio": "mlp_ratio", "qk_norm": "=qk_norm"}
    into_hidden = {"call": "Linear", "params": {"out_features": "hidden_size"}}
    nodes: dict[str, Any] = {
        "condition": {"call": "Condition", "params": {"hidden_size": "hidden_size"}},
        "ids": {"call": "ConcatTokens"},
        "rotary": {"call": "RotaryCoordinates", "params": {"axes": list(axes)}},
        "x_embedder": into_hidden,
        "context_embedder": into_hidden,
    }
    edges = [
        ["t", "condition.t"], ["pooled", "condition.pooled"],
        *([["guidance", "condition.guidance"]] if guidance else []),
        ["context_ids", "ids.a"], ["x_ids", "ids.b"], ["ids.out", "rotary.ids"],
        ["x", "x_embedder.x"], ["context", "context_embedder.x"],
    ]  # fmt: skip
    x, context = "x_embedder.out", "context_embedder.out"
    shared = [("condition.c", "c"), ("rotary.cos", "cos"), ("rotary.sin", "sin")]
    if values["depth"]:
        nodes["blocks"] = {"call": "JointBlock", "repeat": "depth", "params": block}
        edges += [[x, "blocks.x"], [context, "blocks.context"]]
        edges += [[source, f"blocks.{port}"] for source, port in shared]
        x, context = "blocks.x", "blocks.context"
    if values["single_depth"]:
        nodes["join"] = {"call": "ConcatTokens"}
        nodes["single_blocks"] = {"call": "SingleBlock", "repeat": "single_depth", "params": block}
        nodes["split"] = {"call": "SplitTokens"}
        edges += [[context, "join.a"], [x, "join.b"], ["join.out", "single_blocks.x"]]
        edges += [[source, f"single_blocks.{port}"] for source, port in shared]
        edges += [["single_blocks.x", "split.x"], [context, "split.like"]]
        x = "split.rest"
    nodes["final_layer"] = {"call": "FinalLayer", "params": {"patch_features": "out_features"}}
    edges += [[x, "final_layer.x"], ["condition.c", "final_layer.c"]]
    inputs = [
        {"name": "x", "role": "patches", "shape": "B N in_features", "help": "noisy latent, its patches as tokens"},
        {"name": "context", "role": "context", "shape": "B M context_size", "help": "text tokens"},
        {"name": "pooled", "role": "pooled", "shape": "B pooled_size", "help": "pooled text"},
        {"name": "t", "role": "timestep", "shape": "B", "help": "timestep, 0 … 1000"},
        {"name": "x_ids", "role": "positions", "shape": f"N {len(axes)}", "help": "coordinates of the patches: 0, row, column"},
        {"name": "context_ids", "role": "positions", "shape": f"M {len(axes)}", "help": "coordinates of the text tokens: 0"},
        {"name": "guidance", "role": "guidance", "shape": "B", "help": "scale of guidance that is distilled into the model"},
    ]  # fmt: skip
    return {
        "doc": "Rectified-flow transformer: predicts the flow of noisy latent tokens for a text.",
        "reference": REFERENCE,
        "parameters": _PARAMETERS,
        "inputs": inputs if guidance else inputs[:-1],
        "outputs": [
            {
                "name": "out",
                "role": "prediction",
                "shape": "B N out_features",
                "from": ["final_layer", "patches"],
            }
        ],
        "nodes": nodes,
        "edges": edges,
    }


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
