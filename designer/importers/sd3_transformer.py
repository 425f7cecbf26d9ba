"""SD3Transformer2DModel: Stable Diffusion 3 (MMDiT) and 3.5 (MMDiT-X)."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.importers.mmdit_weights import CONDITION, block_rules
from designer.presets.sd3 import sd3, stages

INPUTS = {
    "x": "hidden_states",
    "context": "encoder_hidden_states",
    "pooled": "pooled_projections",
    "t": "timestep",
}
# The norm that fills the socket for queries and keys, and its parameters.
_QK_NORMS: dict[str | None, tuple[str, dict[str, Any]]] = {
    None: ("Identity", {}),
    "rms_norm": ("RMSNorm", {}),
    "layer_norm": ("LayerNorm", {}),
    "fp32_layer_norm": ("LayerNorm", {"elementwise_affine": False}),
}


def convert(config: Config) -> Imported:
    """Return the design of a configuration and the rules for its weights."""
    sample_size = config.take("sample_size", 128, minimum=1)
    patch_size = config.take("patch_size", 2, minimum=1)
    in_channels = config.take("in_channels", 16, minimum=1)
    depth = config.take("num_layers", 18, minimum=1)
    num_heads = config.take("num_attention_heads", 18, minimum=1)
    hidden_size = config.take("attention_head_dim", 64, minimum=1) * num_heads
    context_width = config.take("caption_projection_dim", 1152, minimum=1)
    if context_width != hidden_size:
        why = f"text tokens join the image's {hidden_size} features (heads × size of a head)"
        config.fail("caption_projection_dim", context_width, why)
    grid_size = config.take("pos_embed_max_size", 96, kind=(int, type(None)), minimum=1)
    dual_layers = config.take("dual_attention_layers", ())
    qk_norm, norm_params = _QK_NORMS[config.take("qk_norm", None, choices=tuple(_QK_NORMS))]
    parts = stages(depth, dual_layers)
    values: dict[str, Any] = {
        **({} if grid_size is None else {"grid_size": grid_size}),
        "base_size": max(sample_size // patch_size, 1),
        "patch_size": patch_size,
        "in_channels": in_channels,
        "out_channels": config.take("out_channels", 16, kind=(int, type(None)), minimum=1) or in_channels,
        "context_size": config.take("joint_attention_dim", 4096, minimum=1),
        "pooled_size": config.take("pooled_projection_dim", 2048, minimum=1),
        "hidden_size": hidden_size,
        "depth": depth,
        **({"dual_depth": parts[0].count} if parts and parts[0].repeat == "dual_depth" else {}),
        "num_heads": num_heads,
        "mlp_ratio": 4.0,
        "qk_norm": qk_norm,
    }
    document = sd3(values, dual_layers, norm_params, name="SD3Transformer2DModel")
    rules = [rule for part in parts for rule in block_rules(part.node, part.start, part.count)]
    rules += block_rules("last_block", depth - 1, 1, last=True)
    return Imported(with_inputs(document, INPUTS), (*rules, *CONDITION, *_OUTER))


_OUTER = (
    Rule(r"pos_embed\.proj\.(.*)", r"patch_embed.proj.\1"),
    Rule(r"pos_embed\.pos_embed", "position.table"),
    Rule(r"norm_out\.linear\.(.*)", r"final_layer.adaln.proj.\1", order=(1, 0)),
    Rule(r"proj_out\.(.*)", r"final_layer.proj.\1"),
)

IMPORTER = Importer("SD3Transformer2DModel", convert)
