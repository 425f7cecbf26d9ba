"""How the condition enters PixArt: the shared modulation, embeddings of sizes, the final layer (Chen et al. 2023)."""

from typing import Any

from designer.presets.transformer_parts import TOKENS

REFERENCE = "Chen et al. 2023, arXiv:2310.00426"

MODULATION: dict[str, Any] = {
    "doc": "The modulation that all blocks share: one projection of the condition for the whole network.",
    "reference": f"{REFERENCE}, section 2.3",
    "parameters": {"hidden_size": {"type": "int", "help": "features of a token"}},
    "inputs": [{"name": "c", "role": "vector", "shape": "B hidden_size"}],
    "outputs": [
        {"name": "modulation", "role": "vector", "shape": "B 6*hidden_size", "from": ["linear", "out"]}
    ],
    "nodes": {
        "act": {"call": "SiLU"},
        "linear": {"call": "Linear", "params": {"out_features": "6*hidden_size", "init": "normal_0.02"}},
    },
    "edges": [["c", "act.x"], ["act.out", "linear.x"]],
}

FINAL: dict[str, Any] = {
    "doc": "Modulated normalisation and the projection of each token to its patch, zero at start.",
    "reference": REFERENCE,
    "parameters": {
        "hidden_size": {"type": "int", "help": "features of a token"},
        "patch_features": {"type": "int", "help": "numbers in a patch: patch_size² · channels"},
        "norm_eps": {"type": "float", "default": 1e-6, "min": 0, "help": "added to the variance"},
    },
    "inputs": TOKENS,
    "outputs": [{"name": "patches", "role": "tokens", "shape": "B N patch_features", "from": ["proj", "out"]}],
    "nodes": {
        "norm": {"call": "LayerNorm", "params": {"eps": "norm_eps", "elementwise_affine": False}},
        "adaln": {"call": "AdaLNSingleFinal"},
        "modulate": {"call": "Modulate"},
        "proj": {"call": "Linear", "params": {"out_features": "patch_features", "init": "zero"}},
    },
    "edges": [
        ["x", "norm.x"], ["c", "adaln.c"], ["norm.out", "modulate.x"], ["adaln.shift", "modulate.shift"],
        ["adaln.scale", "modulate.scale"], ["modulate.out", "proj.x"],
    ],
}  # fmt: skip

NUMBERS: dict[str, Any] = {
    "doc": "Numbers such as height and width to one vector: sinusoids and an MLP for each, joined.",
    "reference": f"{REFERENCE}, appendix; Podell et al. 2023, arXiv:2307.01952",
    "parameters": {"size": {"type": "int", "default": 384, "help": "size of the vector of one number"}},
    "inputs": [{"name": "numbers", "role": "size", "shape": "B K"}],
    "outputs": [{"name": "c", "role": "vector", "shape": "B K*size", "from": ["join", "out"]}],
    "nodes": {
        "embed": {"call": "TimestepEmbedding", "params": {"dim": 256, "cos_first": True}},
        "fc1": {"call": "Linear", "params": {"out_features": "size", "init": "normal_0.02"}},
        "act": {"call": "SiLU"},
        "fc2": {"call": "Linear", "params": {"out_features": "size", "init": "normal_0.02"}},
        "join": {"call": "FlattenFeatures"},
    },
    "edges": [
        ["numbers", "embed.t"], ["embed.out", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"],
        ["fc2.out", "join.x"],
    ],
}  # fmt: skip

SIZE: dict[str, Any] = {
    "doc": "Height and width of the image, and their ratio, as one vector: a third of the features each.",
    "reference": f"{REFERENCE}, appendix",
    "parameters": {"hidden_size": {"type": "int", "default": 1152, "help": "size of the vector"}},
    "inputs": [
        {"name": "resolution", "role": "size", "shape": "B 2"},
        {"name": "aspect_ratio", "role": "size", "shape": "B 1"},
    ],
    "outputs": [{"name": "c", "role": "vector", "shape": "B hidden_size", "from": ["join", "out"]}],
    "nodes": {
        "resolution_embedder": {"call": "NumberEmbedder", "params": {"size": "hidden_size//3"}},
        "ratio_embedder": {"call": "NumberEmbedder", "params": {"size": "hidden_size//3"}},
        "join": {"call": "ConcatFeatures"},
    },
    "edges": [
        ["resolution", "resolution_embedder.numbers"], ["aspect_ratio", "ratio_embedder.numbers"],
        ["resolution_embedder.c", "join.a"], ["ratio_embedder.c", "join.b"],
    ],
}  # fmt: skip
