"""Definitions that transformer families share: MLP, timestep embedder, final layer."""

from typing import Any

REFERENCE = "Peebles & Xie 2023, arXiv:2212.09748"

TOKENS: list[dict[str, Any]] = [
    {"name": "x", "role": "tokens", "shape": "B N hidden_size"},
    {"name": "c", "role": "vector", "shape": "B hidden_size"},
]

MLP: dict[str, Any] = {
    "doc": "Two-layer perceptron on each token.",
    "parameters": {
        "hidden_size": {"type": "int", "help": "features of a token"},
        "mlp_hidden": {"type": "int", "help": "hidden features"},
    },
    "inputs": [{"name": "x", "role": "tokens", "shape": "B N hidden_size"}],
    "outputs": [{"name": "x", "role": "tokens", "shape": "B N hidden_size", "from": ["fc2", "out"]}],
    "nodes": {
        "fc1": {"call": "Linear", "params": {"out_features": "mlp_hidden", "init": "xavier_uniform"}},
        "act": {"call": "GELU"},
        "fc2": {"call": "Linear", "params": {"out_features": "hidden_size", "init": "xavier_uniform"}},
    },
    "edges": [["x", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"]],
}

TIMESTEP_EMBEDDER: dict[str, Any] = {
    "doc": "Timestep to condition vector: sinusoids, then an MLP.",
    "reference": REFERENCE,
    "parameters": {
        "hidden_size": {"type": "int", "default": 384, "help": "size of the vector"},
        "frequency_size": {"type": "int", "default": 256, "help": "size of the sinusoidal embedding"},
    },
    "inputs": [{"name": "t", "role": "timestep", "shape": "B"}],
    "outputs": [{"name": "c", "role": "vector", "shape": "B hidden_size", "from": ["fc2", "out"]}],
    "nodes": {
        "embed": {"call": "TimestepEmbedding", "params": {"dim": "frequency_size", "cos_first": True}},
        "fc1": {"call": "Linear", "params": {"out_features": "hidden_size", "init": "normal_0.02"}},
        "act": {"call": "SiLU"},
        "fc2": {"call": "Linear", "params": {"out_features": "hidden_size", "init": "normal_0.02"}},
    },
    "edges": [["t", "embed.t"], ["embed.out", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"]],
}

FINAL_LAYER: dict[str, Any] = {
    "doc": "Modulated normalisation and the projection of each token to its patch, zero at start.",
    "reference": REFERENCE,
    "parameters": {
        "hidden_size": {"type": "int", "help": "features of a token"},
        "patch_features": {"type": "int", "help": "numbers in a patch: patch_size² · channels"},
    },
    "inputs": TOKENS,
    "outputs": [{"name": "patches", "role": "tokens", "shape": "B N patch_features", "from": ["proj", "out"]}],
    "nodes": {
        "norm": {"call": "LayerNorm", "params": {"elementwise_affine": False}},
        "adaln": {"call": "AdaLNModulation", "params": {"hidden_size": "hidden_size"}},
        "modulate": {"call": "Modulate"},
        "proj": {"call": "Linear", "params": {"out_features": "patch_features", "init": "zero"}},
    },
    "edges": [
        ["x", "norm.x"], ["c", "adaln.c"], ["norm.out", "modulate.x"], ["adaln.shift", "modulate.shift"],
        ["adaln.scale", "modulate.scale"], ["modulate.out", "proj.x"],
    ],
}  # fmt: skip
