"""The diffusion transformer DiT (Peebles & Xie 2023): patches, AdaLN-Zero blocks, no long skips."""

from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.transformer_parts import FINAL_LAYER, MLP, TIMESTEP_EMBEDDER, TOKENS

REFERENCE = "Peebles & Xie 2023, arXiv:2212.09748"

_BLOCK: dict[str, Any] = {
    "doc": "Transformer block whose two branches are normalised, modulated and gated by the condition.",
    "reference": f"{REFERENCE}, section 3.2",
    "parameters": {
        "hidden_size": {"type": "int", "help": "features of a token"},
        "num_heads": {"type": "int", "default": 6, "help": "attention heads"},
        "mlp_ratio": {"type": "float", "default": 4.0, "help": "hidden features of the MLP / hidden_size"},
    },
    "inputs": TOKENS,
    "outputs": [{"name": "x", "role": "tokens", "shape": "B N hidden_size", "from": ["add_mlp", "out"]}],
    "nodes": {
        "adaln": {"call": "AdaLNZero", "params": {"hidden_size": "hidden_size"}},
        "norm1": {"call": "LayerNorm", "params": {"elementwise_affine": False}},
        "modulate_msa": {"call": "Modulate"},
        "attn": {"call": "SelfAttention", "params": {"num_heads": "num_heads"}},
        "gate_msa": {"call": "GateTokens"},
        "add_msa": {"call": "Add"},
        "norm2": {"call": "LayerNorm", "params": {"elementwise_affine": False}},
        "modulate_mlp": {"call": "Modulate"},
        "mlp": {"call": "Mlp", "params": {"mlp_hidden": "int(hidden_size*mlp_ratio)"}},
        "gate_mlp": {"call": "GateTokens"},
        "add_mlp": {"call": "Add"},
    },
    "edges": [
        ["c", "adaln.c"],
        ["x", "norm1.x"], ["norm1.out", "modulate_msa.x"],
        ["adaln.shift_msa", "modulate_msa.shift"], ["adaln.scale_msa", "modulate_msa.scale"],
        ["modulate_msa.out", "attn.x"], ["attn.out", "gate_msa.x"], ["adaln.gate_msa", "gate_msa.gate"],
        ["x", "add_msa.a"], ["gate_msa.out", "add_msa.b"],
        ["add_msa.out", "norm2.x"], ["norm2.out", "modulate_mlp.x"],
        ["adaln.shift_mlp", "modulate_mlp.shift"], ["adaln.scale_mlp", "modulate_mlp.scale"],
        ["modulate_mlp.out", "mlp.x"], ["mlp.x", "gate_mlp.x"], ["adaln.gate_mlp", "gate_mlp.gate"],
        ["add_msa.out", "add_mlp.a"], ["gate_mlp.out", "add_mlp.b"],
    ],
}  # fmt: skip

_MAIN: dict[str, Any] = {
    "doc": "Diffusion transformer: predicts noise (and the variance) of a noisy latent at timestep t for class y.",
    "reference": REFERENCE,
    "parameters": {
        "input_size": {"type": "int", "default": 32, "min": 1, "unit": "pixels", "help": "largest height and width of the latent"},
        "patch_size": {"type": "int", "default": 2, "min": 1, "unit": "pixels", "help": "side of a patch"},
        "in_channels": {"type": "int", "default": 4, "min": 1, "help": "channels of the latent"},
        "out_channels": {"type": "int", "default": 8, "min": 1, "help": "channels of the prediction; twice the input with learned variance"},
        "hidden_size": {"type": "int", "default": 384, "min": 4, "help": "features of a token"},
        "depth": {"type": "int", "default": 12, "min": 1, "max": 1000, "help": "blocks"},
        "num_heads": {"type": "int", "default": 6, "min": 1, "help": "attention heads"},
        "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
        "num_classes": {"type": "int", "default": 1000, "min": 1, "help": "classes; label num_classes means no class"},
        "class_dropout": {"type": "float", "default": 0.1, "min": 0, "max": 1, "help": "probability of dropping the class in training"},
    },
    "inputs": [
        {"name": "x", "role": "latent", "shape": "B in_channels H W", "help": "noisy latent"},
        {"name": "t", "role": "timestep", "shape": "B", "help": "timestep, 0 … 999"},
        {"name": "y", "role": "class", "shape": "B", "dtype": "int64", "help": "class label"},
    ],
    "outputs": [{"name": "out", "role": "prediction", "shape": "B out_channels H W", "from": ["unpatchify", "out"]}],
    "nodes": {
        "patch_embed": {"call": "PatchEmbed", "params": {"hidden_size": "hidden_size", "patch_size": "patch_size"}},
        "position": {"call": "SinCosPosition", "params": {"grid_size": "input_size//patch_size", "patch_size": "patch_size"}},
        "t_embedder": {"call": "TimestepEmbedder", "params": {"hidden_size": "hidden_size"}},
        "y_embedder": {
            "call": "ClassEmbedding",
            "params": {"num_classes": "num_classes", "hidden_size": "hidden_size", "dropout": "class_dropout"},
        },
        "condition": {"call": "Add"},
        "blocks": {
            "call": "DiTBlock",
            "repeat": "depth",
            "params": {"num_heads": "num_heads", "mlp_ratio": "mlp_ratio"},
        },
        "final_layer": {"call": "FinalLayer", "params": {"patch_features": "patch_size*patch_size*out_channels"}},
        "unpatchify": {"call": "Unpatchify", "params": {"out_channels": "out_channels", "patch_size": "patch_size"}},
    },
    "edges": [
        ["x", "patch_embed.x"], ["patch_embed.tokens", "position.tokens"], ["x", "position.like"],
        ["t", "t_embedder.t"], ["y", "y_embedder.y"],
        ["t_embedder.c", "condition.a"], ["y_embedder.out", "condition.b"],
        ["position.out", "blocks.x"], ["condition.out", "blocks.c"],
        ["blocks.x", "final_layer.x"], ["condition.out", "final_layer.c"],
        ["final_layer.patches", "unpatchify.tokens"], ["x", "unpatchify.like"],
    ],
}  # fmt: skip


def dit(values: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a DiT with these parameter values."""
    size, channels = values["input_size"], values["in_channels"]
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "DiT",
        "parameters": values,
        "main": "DiT",
        "training": {
            "prediction": "epsilon",
            "schedule": "linear",
            "timesteps": 1000,
            "learned_sigma": values["out_channels"] == 2 * channels,
            "num_classes": values["num_classes"],
            "sample_shape": [channels, size, size],
        },
        "definitions": {
            "DiT": _MAIN,
            "DiTBlock": _BLOCK,
            "Mlp": MLP,
            "TimestepEmbedder": TIMESTEP_EMBEDDER,
            "FinalLayer": FINAL_LAYER,
        },
    }


def _values(hidden_size: int, depth: int, num_heads: int, patch_size: int) -> dict[str, Any]:
    return {
        "input_size": 32, "patch_size": patch_size, "in_channels": 4, "out_channels": 8, "hidden_size": hidden_size,
        "depth": depth, "num_heads": num_heads, "mlp_ratio": 4.0, "num_classes": 1000, "class_dropout": 0.1,
    }  # fmt: skip


_TINY = {**_values(64, 4, 4, 2), "input_size": 16, "in_channels": 1, "out_channels": 1, "num_classes": 10}

# Counts include the frozen table of positions, as in the published code.
_SIZES = (
    ("S", 384, 12, 6, {2: 32_963_360}),
    ("B", 768, 12, 12, {2: 130_512_416}),
    ("L", 1024, 24, 16, {2: 458_102_816}),
    ("XL", 1152, 28, 16, {2: 675_129_632}),
)


def _published() -> tuple[Preset, ...]:
    return tuple(
        Preset(
            id=f"dit-{name.lower()}-{patch}",
            family="dit",
            title=f"DiT-{name}/{patch}",
            summary=f"Depth {depth}, width {hidden_size}, {num_heads} heads, patch {patch}; ImageNet 256×256 latents.",
            reference=REFERENCE,
            document=partial(dit, _values(hidden_size, depth, num_heads, patch)),
            published=counts.get(patch),
        )
        for name, hidden_size, depth, num_heads, counts in _SIZES
        for patch in (2, 4, 8)
    )


PRESETS = (
    Preset(
        id="dit-tiny",
        family="dit",
        title="DiT, tiny (16×16 digits)",
        summary="A DiT of depth 4 and width 64 that trains on scikit-learn's digits on a CPU in minutes.",
        reference=REFERENCE,
        document=partial(dit, _TINY),
    ),
    *_published(),
)
