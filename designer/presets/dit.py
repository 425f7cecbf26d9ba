"""The diffusion transformer DiT (Peebles & Xie 2023) and the other ways of conditioning of its paper."""

from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.attention_parts import attention
from designer.presets.dit_blocks import REFERENCE, Conditioning, dit_block, plain_final_layer
from designer.presets.graph import Graph, definition, port
from designer.presets.transformer_parts import FINAL_LAYER, MLP, TIMESTEP_EMBEDDER

_PARAMETERS: dict[str, Any] = {
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
}  # fmt: skip

_INPUTS = [
    port("x", "latent", "B in_channels H W", help="noisy latent"),
    port("t", "timestep", "B", help="timestep, 0 … 999"),
    port("y", "class", "B", dtype="int64", help="class label"),
]


def _main(conditioning: Conditioning) -> dict[str, Any]:
    size = {"hidden_size": "hidden_size"}
    patches = {"patch_size": "patch_size"}
    graph = Graph()
    h = graph.call("patch_embed", "PatchEmbed", {**size, **patches}, x="x") + ".tokens"
    grid = {"grid_size": "input_size//patch_size", **patches}
    h = graph.call("position", "SinCosPosition", grid, tokens=h, like="x") + ".out"
    t = graph.call("t_embedder", "TimestepEmbedder", size, t="t") + ".c"
    classes = {"num_classes": "num_classes", **size, "dropout": "class_dropout"}
    y = graph.call("y_embedder", "ClassEmbedding", classes, y="y") + ".out"
    final = {"patch_features": "patch_size*patch_size*out_channels"}
    block = {"num_heads": "num_heads", "mlp_ratio": "mlp_ratio"}
    if conditioning.startswith("adaln"):
        c = graph.call("condition", "Add", a=t, b=y) + ".out"
        h = graph.call("blocks", "DiTBlock", block, repeat="depth", x=h, c=c) + ".x"
        h = graph.call("final_layer", "FinalLayer", final, x=h, c=c) + ".patches"
    else:
        t = graph.call("t_token", "AsToken", x=t) + ".out"
        y = graph.call("y_token", "AsToken", x=y) + ".out"
        c = graph.call("condition", "ConcatTokens", a=t, b=y) + ".out"
        if conditioning == "in-context":
            joined = graph.call("sequence", "ConcatTokens", a=h, b=c) + ".out"
            end = graph.call("blocks", "DiTBlock", block, repeat="depth", x=joined) + ".x"
            h = graph.call("remove", "SplitTokens", x=end, like=h) + ".first"
        else:
            h = graph.call("blocks", "DiTBlock", block, repeat="depth", x=h, context=c) + ".x"
        h = graph.call("final_layer", "FinalLayer", final, x=h) + ".patches"
    graph.call("unpatchify", "Unpatchify", {"out_channels": "out_channels", **patches}, tokens=h, like="x")
    return definition(
        "Diffusion transformer: predicts noise (and the variance) of a noisy latent at timestep t for class y.",
        graph,
        _INPUTS,
        [port("out", "prediction", "B out_channels H W", "unpatchify.out")],
        _PARAMETERS,
        REFERENCE,
    )


def dit(values: dict[str, Any], conditioning: Conditioning = "adaln-zero") -> dict[str, Any]:
    """Return the document of a DiT with these parameter values, the condition entering in one of four ways."""
    adaptive = conditioning.startswith("adaln")
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
            "DiT": _main(conditioning),
            "DiTBlock": dit_block(conditioning),
            **({"CrossAttention": attention(cross=True)} if conditioning == "cross-attention" else {}),
            "Mlp": MLP,
            "TimestepEmbedder": TIMESTEP_EMBEDDER,
            "FinalLayer": FINAL_LAYER if adaptive else plain_final_layer(),
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
    ("S", 384, 12, 6, {2: 32_963_360, 4: 32_945_024, 8: 33_148_160}),
    ("B", 768, 12, 12, {2: 130_512_416, 4: 130_475_648, 8: 130_881_536}),
    ("L", 1024, 24, 16, {2: 458_102_816, 4: 458_053_760, 8: 458_594_816}),
    ("XL", 1152, 28, 16, {2: 675_129_632, 4: 675_074_432, 8: 675_683_072}),
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
            published=counts[patch],
        )
        for name, hidden_size, depth, num_heads, counts in _SIZES
        for patch in (2, 4, 8)
    )


# The paper states 601M, 449M and 598M; these are what its recipes give: shift and scale without gates; the
# plain block of a vision transformer with the condition as two more tokens; one more attention to these two.
_VARIANTS: tuple[tuple[Conditioning, str, int], ...] = (
    ("adaln", "AdaLN without gates", 600_747_296),
    ("in-context", "in-context conditioning", 449_457_440),
    ("cross-attention", "conditioning by cross-attention", 598_286_624),
)


def _variants() -> tuple[Preset, ...]:
    return tuple(
        Preset(
            id=f"dit-{size}-{conditioning}",
            family="dit",
            title=f"DiT-{title}, {text}",
            summary=summary,
            reference=f"{REFERENCE}, section 3.2",
            document=partial(dit, values, conditioning),
            published=count if size == "xl-2" else None,
        )
        for conditioning, text, count in _VARIANTS
        for size, title, values, summary in (
            ("tiny", "tiny", _TINY, "Depth 4, width 64, for tests and first steps."),
            (
                "xl-2",
                "XL/2",
                _values(1152, 28, 16, 2),
                "Depth 28, width 1152; the block of the paper's comparison.",
            ),
        )
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
    *_variants(),
)
