"""3D Gaussians as a set: the point transformer of Point-E, whose output follows any order of its input."""

from functools import partial
from typing import Any

from designer.presets import Preset

REFERENCE = "Nichol et al. 2022, arXiv:2212.08751"
GAUSSIAN_CHANNELS = 14  # position 3, scale 3, rotation 4, opacity 1, colour 3

_TOKENS = {"name": "x", "role": "tokens", "shape": "B N hidden_size"}
_HIDDEN = {"type": "int", "help": "features of a token"}
_HEADS = {"type": "int", "default": 8, "help": "attention heads"}
_NORM: dict[str, Any] = {"call": "LayerNorm", "params": {"eps": 1e-5}}


def _linear(features: str, init: str = "normal_0.02") -> dict[str, Any]:
    return {"call": "Linear", "params": {"out_features": features, "init": init}}


SET_ATTENTION: dict[str, Any] = {
    "doc": "Attention of every point to every other.",
    "reference": "Vaswani et al. 2017, arXiv:1706.03762",
    "parameters": {"hidden_size": _HIDDEN, "num_heads": _HEADS},
    "inputs": [_TOKENS],
    "outputs": [{**_TOKENS, "from": ["proj", "out"]}],
    "nodes": {
        "qkv": {"call": "ProjectQKV", "params": {"num_heads": "num_heads"}},
        "attention": {"call": "DotProductAttention"},
        "proj": {
            "call": "Linear",
            "params": {"in_features": "hidden_size", "out_features": "hidden_size", "init": "normal_0.02"},
        },
    },
    "edges": [
        ["x", "qkv.x"], ["qkv.q", "attention.q"], ["qkv.k", "attention.k"], ["qkv.v", "attention.v"],
        ["attention.out", "proj.x"],
    ],
}  # fmt: skip


def set_mlp(role: str, shape: str) -> dict[str, Any]:
    """Return a two-layer perceptron on values of this role and shape."""
    port = {"name": "x", "role": role, "shape": shape}
    return {
        "doc": f"Two-layer perceptron on {'each token' if role == 'tokens' else 'a vector'}, four times as wide inside.",
        "reference": REFERENCE,
        "parameters": {"hidden_size": _HIDDEN},
        "inputs": [port],
        "outputs": [{**port, "from": ["fc2", "out"]}],
        "nodes": {
            "fc1": _linear("4*hidden_size"),
            "act": {"call": "GELU", "params": {"approximate": "none"}},
            "fc2": _linear("hidden_size"),
        },
        "edges": [["x", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"]],
    }


SET_BLOCK: dict[str, Any] = {
    "doc": "Pre-normalised transformer block; permuting the points permutes its output.",
    "reference": REFERENCE,
    "parameters": {"hidden_size": _HIDDEN, "num_heads": _HEADS},
    "inputs": [_TOKENS],
    "outputs": [{**_TOKENS, "from": ["add_mlp", "out"]}],
    "nodes": {
        "norm1": _NORM,
        "attn": {"call": "SetAttention", "params": {"num_heads": "num_heads"}},
        "add_attn": {"call": "Add"},
        "norm2": _NORM,
        "mlp": {"call": "SetMlp"},
        "add_mlp": {"call": "Add"},
    },
    "edges": [
        ["x", "norm1.x"], ["norm1.out", "attn.x"], ["x", "add_attn.a"], ["attn.x", "add_attn.b"],
        ["add_attn.out", "norm2.x"], ["norm2.out", "mlp.x"],
        ["add_attn.out", "add_mlp.a"], ["mlp.x", "add_mlp.b"],
    ],
}  # fmt: skip

_MAIN: dict[str, Any] = {
    "doc": "Set transformer: denoises 3D Gaussians, in any order and number, at timestep t.",
    "reference": REFERENCE,
    "parameters": {
        "channels": {"type": "int", "default": GAUSSIAN_CHANNELS, "min": 1, "help": "numbers of a point: position 3, scale 3, rotation 4, opacity 1, colour 3"},
        "hidden_size": {"type": "int", "default": 512, "min": 2, "help": "features of a token"},
        "depth": {"type": "int", "default": 12, "min": 1, "max": 1000, "help": "blocks"},
        "num_heads": {"type": "int", "default": 8, "min": 1, "help": "attention heads"},
    },
    "inputs": [
        {"name": "x", "role": "points", "shape": "B channels N", "help": "noisy points"},
        {"name": "t", "role": "timestep", "shape": "B", "help": "timestep, 0 … 1000"},
    ],
    "outputs": [{"name": "out", "role": "points", "shape": "B channels N", "from": ["to_points", "out"]}],
    "nodes": {
        "t_embed": {"call": "TimestepEmbedding", "params": {"dim": "hidden_size", "cos_first": True}},
        "t_mlp": {"call": "TimeMlp"},
        "t_token": {"call": "AsToken"},
        "to_tokens": {"call": "PointsToTokens"},
        "embed": _linear("hidden_size"),
        "join": {"call": "ConcatTokens"},
        "norm_in": _NORM,
        "blocks": {"call": "SetBlock", "repeat": "depth", "params": {"num_heads": "num_heads"}},
        "norm_out": _NORM,
        "split": {"call": "SplitTokens"},
        "proj": _linear("channels", "zero"),
        "to_points": {"call": "TokensToPoints"},
    },
    "edges": [
        ["t", "t_embed.t"], ["t_embed.out", "t_mlp.x"], ["t_mlp.x", "t_token.x"],
        ["x", "to_tokens.x"], ["to_tokens.out", "embed.x"],
        ["t_token.out", "join.a"], ["embed.out", "join.b"], ["join.out", "norm_in.x"],
        ["norm_in.out", "blocks.x"], ["blocks.x", "norm_out.x"],
        ["norm_out.out", "split.x"], ["t_token.out", "split.like"],
        ["split.rest", "proj.x"], ["proj.out", "to_points.x"],
    ],
}  # fmt: skip


def point_set(hidden_size: int, depth: int, num_heads: int, points: int) -> dict[str, Any]:
    """Return the document of a set transformer of this size, trained on sets of so many points."""
    values = {
        "channels": GAUSSIAN_CHANNELS,
        "hidden_size": hidden_size,
        "depth": depth,
        "num_heads": num_heads,
    }
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Gaussian set transformer",
        "parameters": values,
        "main": "SetTransformer",
        "training": {
            "prediction": "epsilon",
            "schedule": "cosine",
            "timesteps": 1000,
            "sample_shape": [GAUSSIAN_CHANNELS, points],
        },
        "definitions": {
            "SetTransformer": _MAIN,
            "SetBlock": SET_BLOCK,
            "SetAttention": SET_ATTENTION,
            "SetMlp": set_mlp("tokens", "B N hidden_size"),
            "TimeMlp": set_mlp("vector", "B hidden_size"),
        },
    }


PRESETS = (
    Preset(
        id="gaussian-set-tiny",
        family="gaussian-set",
        title="3D Gaussian set transformer, tiny",
        summary="Four blocks of width 64 over sets of 64 Gaussians, in any order.",
        reference=REFERENCE,
        document=partial(point_set, 64, 4, 4, 64),
    ),
    Preset(
        id="gaussian-set",
        family="gaussian-set",
        title="3D Gaussian set transformer",
        summary="The 40 M network of Point-E on the 14 numbers of a 3D Gaussian; free of order.",
        reference=REFERENCE,
        document=partial(point_set, 512, 12, 8, 1024),
        published=39_945_230,
    ),
)
