"""CogVideoXTransformer3DModel: CogVideoX 1.0 and 1.5."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.attention_rules import FEED_FORWARDS, attention_rules, feed_forward_rules, renamed
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.presets.cogvideox import ACTIVATIONS, cogvideox

_INPUTS = {
    "x": "hidden_states",
    "context": "encoder_hidden_states",
    "t": "timestep",
    "offset": "ofs",
    "rotary": "image_rotary_emb",
}
_NULLABLE = (int, type(None))


def convert(config: Config) -> Imported:
    """Return the design of a configuration and the rules for its weights."""
    activation = config.take("activation_fn", "gelu-approximate", choices=FEED_FORWARDS)
    embedder = {
        "activation": config.take("timestep_activation_fn", "silu", choices=tuple(ACTIVATIONS)),
        "cos_first": config.take("flip_sin_to_cos", True),
        "frequency_shift": config.take("freq_shift", 0, choices=(0, 1)),
    }
    values = _values(config)
    width, heads = values["hidden_size"], values["num_heads"]
    offset = config.take("ofs_embed_dim", None, kind=_NULLABLE)
    if offset:
        values["offset_size"] = offset
        if offset != values["cond_size"]:
            config.fail(
                "ofs_embed_dim", offset, f"it is added to the timestep's {values['cond_size']} features"
            )
    rotary, table = _positions(config, values)
    scales = {  # the class reads them for fixed positions only
        "spatial_scale": config.take("spatial_interpolation_scale", 1.875, kind=float, minimum=1e-6),
        "temporal_scale": config.take("temporal_interpolation_scale", 1.0, kind=float, minimum=1e-6),
    }
    if table is not None:
        values["rotation"] = "ApplyRotary"
    elif rotary:  # by default the class is called without rotations; the socket takes them in
        side = 3 * width // heads // 16 * 2
        values |= {
            "rope_axes": [width // heads - 2 * side, side, side],
            "max_length": 256,
            "rotation": "Identity",
        }
    elif width % 16:
        config.fail("attention_head_dim", width // heads, f"positions take the width {width} in sixteenths")
    else:
        values |= scales
    document = cogvideox(
        values,
        positions="rotary" if rotary else "sincos",
        activation=activation,
        embedder=embedder,
        offset=bool(offset),
        table=table,
    )
    rules = _rules(activation, values["patch_size"], values["out_channels"])
    return Imported(with_inputs(document, _INPUTS), tuple(rules))


def _values(config: Config) -> dict[str, Any]:
    heads = config.take("num_attention_heads", 30, minimum=1)
    width = heads * config.take("attention_head_dim", 64, minimum=1)
    side = config.take("patch_size", 2, minimum=1)
    frames = config.take("patch_size_t", None, kind=_NULLABLE, minimum=1)
    in_channels = config.take("in_channels", 16, minimum=1)
    dropout = config.take("dropout", 0.0, kind=float, minimum=0)
    if dropout > 0.99:
        config.fail("dropout", dropout, "expected a probability of at most 0.99")
    bias = config.take("patch_bias", True)
    return {
        "patch_size": [frames or 1, side, side],
        "patch_bias": bias or frames is not None,  # patches over frames are always embedded with bias
        "in_channels": in_channels,
        "out_channels": config.take("out_channels", 16, minimum=1),
        "hidden_size": width,
        "depth": config.take("num_layers", 30, minimum=0),
        "num_heads": heads,
        "mlp_hidden": 4 * width,
        "cond_size": config.take("time_embed_dim", 512, minimum=1),
        "text_size": config.take("text_embed_dim", 4096, minimum=1),
        "qkv_bias": config.take("attention_bias", True),
        "norm_affine": config.take("norm_elementwise_affine", True),
        "norm_eps": config.take("norm_eps", 1e-5, kind=float, minimum=0),
        **({"dropout": dropout} if dropout else {}),
    }


def _positions(config: Config, values: dict[str, Any]) -> tuple[bool, tuple[int, ...] | None]:
    """Whether positions are left to rotations, and the sizes for which they are a learned table, if they are."""
    rotary = config.take("use_rotary_positional_embeddings", False)
    learned = config.take("use_learned_positional_embeddings", False)
    length = config.take("max_text_seq_length", 226, minimum=1)
    height, width = (config.take(name, default, minimum=1) for name, default in (("sample_height", 60), ("sample_width", 90)))  # fmt: skip
    frames = config.take("sample_frames", 49, minimum=1)
    ratio = config.take("temporal_compression_ratio", 4, minimum=1)
    if not rotary and values["patch_size"][0] != 1:
        config.fail("patch_size_t", values["patch_size"][0], "fixed positions are one a frame; patches over frames need use_rotary_positional_embeddings")  # fmt: skip
    if learned and not rotary:
        config.fail("use_learned_positional_embeddings", True, "the class asks for use_rotary_positional_embeddings with it")  # fmt: skip
    if learned and (frames - 1) % ratio:
        config.fail("sample_frames", frames, f"a learned table needs 1 more than a multiple of temporal_compression_ratio {ratio}")  # fmt: skip
    for name, size in (("sample_height", height), ("sample_width", width)):
        if learned and size % values["patch_size"][1]:
            config.fail(
                name, size, f"a learned table needs a multiple of patch_size {values['patch_size'][1]}"
            )
    if learned and values["hidden_size"] // values["num_heads"] % 2:
        config.fail("attention_head_dim", values["hidden_size"] // values["num_heads"], "rotations turn pairs of features; expected an even number")  # fmt: skip
    if learned and values["patch_size"][0] != 1:
        config.fail("patch_size_t", values["patch_size"][0], "the learned table has a place for each frame")
    return rotary, (length, (frames - 1) // ratio + 1, height, width) if learned else None


def _rules(activation: str, patch_size: list[int], out_channels: int) -> list[Rule]:
    block, ours = r"transformer_blocks\.(\d+)", r"blocks.\1"
    patch = patch_size[0] * patch_size[1] * patch_size[2]
    # The source puts out the channels of a patch one after the other, we its places.
    order = tuple(channel * patch + place for place in range(patch) for channel in range(out_channels))
    names = {
        r"patch_embed\.proj": "patch_embed.proj",
        r"patch_embed\.text_proj": "text_embed",
        r"time_embedding\.linear_(\d)": r"t_embedder.fc\1",
        r"ofs_embedding\.linear_(\d)": r"offset_embedder.fc\1",
        r"norm_final": "final_layer.norm_final",
        r"norm_out\.norm": "final_layer.norm",
        r"norm_out\.linear": "final_layer.adaln.proj",
        rf"{block}\.attn1\.norm_([qk])": rf"{ours}.attn.\2_norm",
    }
    for number, branch in (("1", "attn"), ("2", "mlp")):
        names[rf"{block}\.norm{number}\.linear"] = f"{ours}.norm_{branch}.adaln.proj"
        names[rf"{block}\.norm{number}\.norm"] = f"{ours}.norm_{branch}.norm"
    return [
        Rule(r"patch_embed\.pos_embedding", "position.table"),
        Rule(r"proj_out\.(weight|bias)", r"final_layer.proj.\1", order=order),
        *renamed(names),
        *attention_rules(block, f"{ours}.attn"),
        *feed_forward_rules(block, f"{ours}.mlp", activation),
    ]


IMPORTER = Importer("CogVideoXTransformer3DModel", convert)
