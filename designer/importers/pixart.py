"""PixArtTransformer2DModel: PixArt-α and, with the same layers, PixArt-Σ."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.attention_rules import (
    FEED_FORWARDS,
    attention_rules,
    feed_forward_rules,
    renamed,
    take_width,
)
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.presets.pixart import pixart

_INPUTS = {
    "x": "hidden_states", "context": "encoder_hidden_states", "t": "timestep",
    "resolution": "resolution", "aspect_ratio": "aspect_ratio",
}  # fmt: skip


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of a PixArtTransformer2DModel."""
    activation = config.take("activation_fn", "gelu-approximate", choices=FEED_FORWARDS)
    sample_size = config.take("sample_size", 128, minimum=1)
    captions = config.take("caption_channels", None, kind=(int, type(None)), minimum=1)
    values = _values(config, sample_size, captions)
    given = config.take("use_additional_conditions", None, kind=(bool, type(None)))
    sized = sample_size == 128 if given is None else given
    if sized and values["hidden_size"] % 3:
        config.fail(
            "use_additional_conditions",
            given,
            f"resolution and aspect ratio share the width in thirds, and {values['hidden_size']} is no multiple of 3",
        )
    _check_constants(config)
    document = pixart(
        values, sized=sized, projected=captions is not None, activation=activation, sample_size=sample_size
    )
    return Imported(with_inputs(document, _INPUTS), tuple(_rules(activation)))


def _values(config: Config, sample_size: int, captions: int | None) -> dict[str, Any]:
    heads = config.take("num_attention_heads", 16, minimum=1)
    width = take_width(config, heads, 72)
    patch_size = config.take("patch_size", 2, minimum=1)
    in_channels = config.take("in_channels", 4, minimum=1)
    out_channels = config.take("out_channels", 8, kind=(int, type(None)), minimum=1)
    scale = config.take("interpolation_scale", None, kind=(float, type(None)), minimum=1e-6)
    context = config.take("cross_attention_dim", 1152, minimum=1)
    if captions is not None and context != width:
        config.fail("cross_attention_dim", context, f"captions are projected to the width {width}, so it must be {width}")  # fmt: skip
    dropout = config.take("dropout", 0.0, kind=float, minimum=0)
    return {
        "base_size": sample_size // patch_size,
        "position_scale": float(max(sample_size // 64, 1) if scale is None else scale),
        "patch_size": patch_size,
        "in_channels": in_channels,
        "out_channels": in_channels if out_channels is None else out_channels,
        "hidden_size": width,
        "depth": config.take("num_layers", 28, minimum=1),
        "num_heads": heads,
        "mlp_ratio": 4.0,
        "context_size": context if captions is None else captions,
        "qkv_bias": config.take("attention_bias", True),
        "norm_affine": config.take("norm_elementwise_affine", False),
        "norm_eps": config.take("norm_eps", 1e-6, kind=float, minimum=0),
        **({"dropout": dropout} if dropout else {}),
    }


def _check_constants(config: Config) -> None:
    """Arguments that the class checks or ignores itself, and the one that would add layers."""
    config.take("norm_type", "ada_norm_single", choices=("ada_norm_single",))
    config.take("num_embeds_ada_norm", 1000)  # must not be null; nothing is built from it
    config.take("norm_num_groups", 32)  # nothing is built from it
    config.take("upcast_attention", False)  # fused attention computes in fp32 here anyway
    config.refuse("attention_type", "default", "gated attention takes grounding inputs")


def _rules(activation: str) -> list[Rule]:
    block, ours = r"transformer_blocks\.(\d+)", r"blocks.\1"
    embedders = {"timestep_embedder": "t_embedder", "resolution_embedder": "size_embedder.resolution_embedder", "aspect_ratio_embedder": "size_embedder.ratio_embedder"}  # fmt: skip
    names = {
        r"pos_embed\.proj": "patch_embed.proj",
        **{
            rf"adaln_single\.emb\.{theirs}\.linear_{k}": f"{ours}.fc{k}"
            for theirs, ours in embedders.items()
            for k in (1, 2)
        },
        r"adaln_single\.linear": "modulation.linear",
        r"caption_projection\.linear_(\d)": r"caption_projection.fc\1",
        rf"{block}\.norm([12])": rf"{ours}.norm\2",
        "proj_out": "final_layer.proj",
    }
    return [
        *renamed(names),
        Rule(r"pos_embed\.pos_embed", ""),  # a constant, in files of early versions
        Rule("scale_shift_table", "final_layer.adaln.table"),
        Rule(rf"{block}\.scale_shift_table", rf"{ours}.adaln.table"),
        *attention_rules(block, rf"{ours}.attn", "attn1"),
        *attention_rules(block, rf"{ours}.cross_attn", "attn2"),
        *feed_forward_rules(block, rf"{ours}.mlp", activation),
    ]


IMPORTER = Importer(source="PixArtTransformer2DModel", convert=convert)
