"""PixArt-α (Chen et al. 2023): a DiT with text by cross-attention and one modulation for all blocks."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.attention_parts import attention, feed_forward, text_projection
from designer.presets.transformer_parts import TIMESTEP_EMBEDDER, TOKENS

REFERENCE = "Chen et al. 2023, arXiv:2310.00426"

_MODULATION: dict[str, Any] = {
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

_FINAL: dict[str, Any] = {
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
        "adaln": {"call": "AdaLNSingleFinal"},
        "modulate": {"call": "Modulate"},
        "proj": {"call": "Linear", "params": {"out_features": "patch_features", "init": "zero"}},
    },
    "edges": [
        ["x", "norm.x"], ["c", "adaln.c"], ["norm.out", "modulate.x"], ["adaln.shift", "modulate.shift"],
        ["adaln.scale", "modulate.scale"], ["modulate.out", "proj.x"],
    ],
}  # fmt: skip

_NUMBERS: dict[str, Any] = {
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

_SIZE: dict[str, Any] = {
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

_PARAMETERS: dict[str, Any] = {
    "base_size": {"type": "int", "default": 16, "min": 1, "unit": "patches", "help": "rows and columns of the grid of positions"},
    "position_scale": {"type": "float", "default": 1.0, "min": 1e-6, "help": "divides the positions: 2 at twice the resolution"},
    "patch_size": {"type": "int", "default": 2, "min": 1, "unit": "pixels", "help": "side of a patch"},
    "in_channels": {"type": "int", "default": 4, "min": 1, "help": "channels of the latent"},
    "out_channels": {"type": "int", "default": 8, "min": 1, "help": "channels of the prediction; twice the input with learned variance"},
    "hidden_size": {"type": "int", "default": 1152, "min": 4, "help": "features of a token"},
    "depth": {"type": "int", "default": 28, "min": 1, "max": 1000, "help": "blocks"},
    "num_heads": {"type": "int", "default": 16, "min": 1, "help": "attention heads"},
    "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
    "context_size": {"type": "int", "default": 4096, "min": 1, "help": "features of a text token"},
    "qkv_bias": {"type": "bool", "default": True, "help": "learned constants in the queries, keys and values"},
    "norm_affine": {"type": "bool", "default": False, "help": "learned gain and bias in the normalisations of a block"},
    "norm_eps": {"type": "float", "default": 1e-6, "min": 0, "help": "added to the variance by the normalisations of a block"},
    "dropout": {"type": "float", "default": 0.0, "min": 0, "max": 0.99, "help": "dropout behind attention and activation"},
}  # fmt: skip


def _block(masked: bool, dropout: bool) -> dict[str, Any]:
    drop = {"dropout": "dropout"} if dropout else {}
    heads = {"num_heads": "num_heads", "qkv_bias": "qkv_bias", **drop}
    norm = {"call": "LayerNorm", "params": {"eps": "norm_eps", "elementwise_affine": "norm_affine"}}
    shared = ["num_heads", "mlp_ratio", "qkv_bias", "norm_affine", "norm_eps", *drop]
    return {
        "doc": "Self-attention, cross-attention to the text, MLP; two of them modulated and gated by the shared modulation.",
        "reference": f"{REFERENCE}, section 2.3",
        "parameters": {
            "hidden_size": {"type": "int", "help": "features of a token"},
            "context_size": {"type": "int", "help": "features of a text token"},
            **{name: _PARAMETERS[name] for name in shared},
        },
        "inputs": [
            {"name": "x", "role": "tokens", "shape": "B N hidden_size"},
            {"name": "context", "role": "context", "shape": "B M context_size"},
            {"name": "modulation", "role": "vector", "shape": "B 6*hidden_size"},
            *([{"name": "mask", "role": "mask", "shape": "B M"}] if masked else []),
        ],
        "outputs": [{"name": "x", "role": "tokens", "shape": "B N hidden_size", "from": ["add_mlp", "out"]}],
        "nodes": {
            "adaln": {"call": "AdaLNSingle", "params": {"hidden_size": "hidden_size"}},
            "norm1": norm,
            "modulate_msa": {"call": "Modulate"},
            "attn": {"call": "Attention", "params": heads},
            "gate_msa": {"call": "GateTokens"},
            "add_msa": {"call": "Add"},
            "cross_attn": {"call": "CrossAttention", "params": heads},
            "add_cross": {"call": "Add"},
            "norm2": norm,
            "modulate_mlp": {"call": "Modulate"},
            "mlp": {"call": "Mlp", "params": {"mlp_hidden": "int(hidden_size*mlp_ratio)", **drop}},
            "gate_mlp": {"call": "GateTokens"},
            "add_mlp": {"call": "Add"},
        },
        "edges": [
            ["modulation", "adaln.modulation"],
            ["x", "norm1.x"], ["norm1.out", "modulate_msa.x"],
            ["adaln.shift_msa", "modulate_msa.shift"], ["adaln.scale_msa", "modulate_msa.scale"],
            ["modulate_msa.out", "attn.x"], ["attn.x", "gate_msa.x"], ["adaln.gate_msa", "gate_msa.gate"],
            ["x", "add_msa.a"], ["gate_msa.out", "add_msa.b"],
            ["add_msa.out", "cross_attn.x"], ["context", "cross_attn.context"],
            *([["mask", "cross_attn.mask"]] if masked else []),
            ["add_msa.out", "add_cross.a"], ["cross_attn.x", "add_cross.b"],
            ["add_cross.out", "norm2.x"], ["norm2.out", "modulate_mlp.x"],
            ["adaln.shift_mlp", "modulate_mlp.shift"], ["adaln.scale_mlp", "modulate_mlp.scale"],
            ["modulate_mlp.out", "mlp.x"], ["mlp.x", "gate_mlp.x"], ["adaln.gate_mlp", "gate_mlp.gate"],
            ["add_cross.out", "add_mlp.a"], ["gate_mlp.out", "add_mlp.b"],
        ],
    }  # fmt: skip


def _main(sized: bool, masked: bool, projected: bool, dropout: bool) -> dict[str, Any]:
    shared = [
        "num_heads",
        "mlp_ratio",
        "qkv_bias",
        "norm_affine",
        "norm_eps",
        *(["dropout"] if dropout else []),
    ]
    condition = "condition.out" if sized else "t_embedder.c"
    context = "caption_projection.context" if projected else "context"
    position = {"patch_size": "patch_size", "base_size": "base_size", "scale": "position_scale"}
    nodes: dict[str, Any] = {
        "patch_embed": {
            "call": "PatchEmbed",
            "params": {"hidden_size": "hidden_size", "patch_size": "patch_size"},
        },
        "position": {"call": "ScaledSinCosPosition", "params": position},
        "t_embedder": {"call": "TimestepEmbedder", "params": {"hidden_size": "hidden_size"}},
    }
    edges = [
        ["x", "patch_embed.x"], ["patch_embed.tokens", "position.tokens"], ["x", "position.like"],
        ["t", "t_embedder.t"],
    ]  # fmt: skip
    if sized:
        nodes["size_embedder"] = {"call": "SizeEmbedder", "params": {"hidden_size": "hidden_size"}}
        nodes["condition"] = {"call": "Add"}
        edges += [["resolution", "size_embedder.resolution"], ["aspect_ratio", "size_embedder.aspect_ratio"]]
        edges += [["t_embedder.c", "condition.a"], ["size_embedder.c", "condition.b"]]
    nodes["modulation"] = {"call": "SharedModulation"}
    edges += [[condition, "modulation.c"]]
    if projected:
        nodes["caption_projection"] = {
            "call": "CaptionProjection",
            "params": {"hidden_features": "hidden_size", "out_features": "hidden_size"},
        }
        edges += [["context", "caption_projection.context"]]
    nodes["blocks"] = {"call": "PixArtBlock", "repeat": "depth", "params": {name: name for name in shared}}
    nodes["final_layer"] = {
        "call": "FinalLayer",
        "params": {"patch_features": "patch_size*patch_size*out_channels"},
    }
    nodes["unpatchify"] = {
        "call": "Unpatchify",
        "params": {"out_channels": "out_channels", "patch_size": "patch_size"},
    }
    edges += [
        ["position.out", "blocks.x"], [context, "blocks.context"], ["modulation.modulation", "blocks.modulation"],
        *([["mask", "blocks.mask"]] if masked else []),
        ["blocks.x", "final_layer.x"], [condition, "final_layer.c"],
        ["final_layer.patches", "unpatchify.tokens"], ["x", "unpatchify.like"],
    ]  # fmt: skip
    return {
        "doc": "Text-to-image transformer: predicts noise (and the variance) of a noisy latent at timestep t for a text.",
        "reference": REFERENCE,
        "parameters": {name: one for name, one in _PARAMETERS.items() if dropout or name != "dropout"},
        "inputs": [
            {"name": "x", "role": "latent", "shape": "B in_channels H W", "help": "noisy latent"},
            {"name": "t", "role": "timestep", "shape": "B", "help": "timestep, 0 … 999"},
            {"name": "context", "role": "context", "shape": "B M context_size", "help": "text tokens"},
            *([{"name": "mask", "role": "mask", "shape": "B M", "help": "0 for padding of the text"}] if masked else []),
            *(_SIZE["inputs"] if sized else []),
        ],
        "outputs": [{"name": "out", "role": "prediction", "shape": "B out_channels H W", "from": ["unpatchify", "out"]}],
        "nodes": nodes,
        "edges": edges,
    }  # fmt: skip


def pixart(
    values: Mapping[str, Any],
    sized: bool = False,
    masked: bool = False,
    projected: bool = True,
    activation: str = "gelu-approximate",
    sample_size: int = 32,
) -> dict[str, Any]:
    """Return the document of a PixArt.

    `sized`: resolution and aspect ratio are conditions; `masked`: the text comes with a mask of its padding;
    `projected`: the text is projected to the width of the network first.
    """
    dropout = values.get("dropout", 0.0) > 0
    definitions = {
        "PixArt": _main(sized, masked, projected, dropout),
        "PixArtBlock": _block(masked, dropout),
        "Attention": attention(dropout=dropout),
        "CrossAttention": attention(cross=True, masked=masked, dropout=dropout, init="zero"),
        "Mlp": feed_forward(activation, dropout),
        "TimestepEmbedder": TIMESTEP_EMBEDDER,
        **({"SizeEmbedder": _SIZE, "NumberEmbedder": _NUMBERS} if sized else {}),
        "SharedModulation": _MODULATION,
        **({"CaptionProjection": text_projection()} if projected else {}),
        "FinalLayer": _FINAL,
    }
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "PixArt-α",
        "parameters": dict(values),
        "main": "PixArt",
        "training": {
            "prediction": "epsilon",
            "schedule": "linear",
            "timesteps": 1000,
            "learned_sigma": values["out_channels"] == 2 * values["in_channels"],
            "sample_shape": [values["in_channels"], sample_size, sample_size],
        },
        "definitions": definitions,
    }


def _values(base_size: int, position_scale: float) -> dict[str, Any]:
    return {
        "base_size": base_size, "position_scale": position_scale, "patch_size": 2, "in_channels": 4,
        "out_channels": 8, "hidden_size": 1152, "depth": 28, "num_heads": 16, "mlp_ratio": 4.0,
        "context_size": 4096, "qkv_bias": True, "norm_affine": False, "norm_eps": 1e-6,
    }  # fmt: skip


_TINY = {**_values(8, 1.0), "in_channels": 1, "out_channels": 1, "hidden_size": 48, "depth": 3, "num_heads": 4, "context_size": 32}  # fmt: skip

PRESETS = (
    Preset(
        id="pixart-tiny",
        family="pixart",
        title="PixArt-α, tiny (16×16)",
        summary="A PixArt of depth 3 and width 48 with masked text, for tests and first steps.",
        reference=REFERENCE,
        document=partial(pixart, _TINY, masked=True, sample_size=16),
    ),
    Preset(
        id="pixart-alpha-256",
        family="pixart",
        title="PixArt-α XL/2, 256×256",
        summary="Depth 28, width 1152; cross-attention to 120 T5 tokens; one modulation for all blocks.",
        reference=REFERENCE,
        document=partial(pixart, _values(16, 1.0)),
        published=610_856_096,
    ),
    Preset(
        id="pixart-alpha-512",
        family="pixart",
        title="PixArt-α XL/2, 512×512",
        summary="The network of 256×256 with positions for 32×32 patches.",
        reference=REFERENCE,
        document=partial(pixart, _values(32, 1.0), sample_size=64),
        published=610_856_096,
    ),
    Preset(
        id="pixart-alpha-1024-ms",
        family="pixart",
        title="PixArt-α XL/2, 1024×1024, any aspect ratio",
        summary="Resolution and aspect ratio are conditions; positions are stretched by 2.",
        reference=REFERENCE,
        document=partial(pixart, _values(64, 2.0), sized=True, sample_size=128),
        published=611_349_152,
    ),
)
