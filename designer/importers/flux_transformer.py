"""FluxTransformer2DModel: FLUX.1 dev, schnell, fill and their like."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.importers.mmdit_weights import CONDITION, block_rules
from designer.presets.flux import flux

INPUTS = {
    "x": "hidden_states",
    "context": "encoder_hidden_states",
    "pooled": "pooled_projections",
    "t": "timestep",
    "x_ids": "img_ids",
    "context_ids": "txt_ids",
    "guidance": "guidance",
}


def convert(config: Config) -> Imported:
    """Return the design of a configuration and the rules for its weights."""
    in_features = config.take("in_channels", 64, minimum=1)
    patch_size = config.take("patch_size", 1, minimum=1)
    out_channels = config.take("out_channels", None, kind=(int, type(None)), minimum=0) or in_features
    num_heads = config.take("num_attention_heads", 24, minimum=1)
    head_size = config.take("attention_head_dim", 128, minimum=2)
    axes = config.take("axes_dims_rope", (16, 56, 56), minimum=1)
    if sum(axes) != head_size:
        config.fail("axes_dims_rope", axes, f"the axes must sum to the {head_size} features of a head")
    if any(axis % 2 for axis in axes):
        config.fail("axes_dims_rope", axes, "features are turned in pairs, so each number must be even")
    depth = config.take("num_layers", 19, minimum=0)
    values: dict[str, Any] = {
        "in_features": in_features,
        "out_features": patch_size**2 * out_channels,
        "context_size": config.take("joint_attention_dim", 4096, minimum=1),
        "pooled_size": config.take("pooled_projection_dim", 768, minimum=1),
        "hidden_size": num_heads * head_size,
        "depth": depth,
        "single_depth": config.take("num_single_layers", 38, minimum=0),
        "num_heads": num_heads,
        "mlp_ratio": 4.0,
        "qk_norm": "RMSNorm",
    }
    document = flux(
        values,
        axes,
        guidance=config.take("guidance_embeds", False),
        time_factor=1000.0,
        name="FluxTransformer2DModel",
    )
    rules = (*block_rules("blocks", 0, depth), *_SINGLE, *CONDITION, *_OUTER)
    return Imported(with_inputs(document, INPUTS), rules)


_THEIRS, _OURS = r"single_transformer_blocks\.(\d+)\.", r"single_blocks.\1."
_SINGLE = (
    Rule(rf"{_THEIRS}norm\.linear\.(.*)", rf"{_OURS}adaln.proj.\2"),
    Rule(rf"{_THEIRS}proj_mlp\.(.*)", rf"{_OURS}fc1.\2"),
    Rule(rf"{_THEIRS}proj_out\.(.*)", rf"{_OURS}proj.\2"),
    *(
        Rule(rf"{_THEIRS}attn\.to_{name}\.(.*)", rf"{_OURS}qkv.qkv.\2", part=(part, 3))
        for part, name in enumerate("qkv")
    ),
    Rule(rf"{_THEIRS}attn\.norm_([qk])\.(.*)", rf"{_OURS}norm_\2.\3"),
)
_OUTER = (
    Rule(r"norm_out\.linear\.(.*)", r"final_layer.adaln.proj.\1", order=(1, 0)),
    Rule(r"proj_out\.(.*)", r"final_layer.proj.\1"),
)

IMPORTER = Importer("FluxTransformer2DModel", convert)
