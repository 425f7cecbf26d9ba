"""LatteTransformer3DModel: Latte-1."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.attention_rules import FEED_FORWARDS, attention_rules, feed_forward_rules, renamed
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.presets.latte import latte

_INPUTS = {"x": "hidden_states", "t": "timestep", "context": "encoder_hidden_states"}
_NULLABLE = (int, type(None))
# Arguments of the class's forerunner, at the values that built the same network.
_FORMER = {
    "attention_type": "default", "double_self_attention": False, "norm_num_groups": 32, "num_vector_embeds": None,
    "only_cross_attention": False, "upcast_attention": False, "use_linear_projection": False,
}  # fmt: skip


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of a LatteTransformer3DModel."""
    activation = config.take("activation_fn", "geglu", choices=FEED_FORWARDS)
    modulated = (
        config.take("norm_type", "layer_norm", choices=("layer_norm", "ada_norm_single")) != "layer_norm"
    )
    config.take("num_embeds_ada_norm", None, kind=_NULLABLE)  # nothing is built from it for these norms
    for name, value in _FORMER.items():
        config.refuse(name, value, "files of early versions name it, the class does not build it")
    values = _values(config)
    text = config.take("cross_attention_dim", None, kind=_NULLABLE, minimum=1)
    if text not in (None, values["hidden_size"]):
        config.fail("cross_attention_dim", text, f"captions are projected to the width {values['hidden_size']}, so it must be that or null")  # fmt: skip
    document = latte(values, cross=text is not None, modulated=modulated, activation=activation)
    return Imported(with_inputs(document, _INPUTS), tuple(_rules(activation, modulated, text is not None)))


def _values(config: Config) -> dict[str, Any]:
    heads = config.take("num_attention_heads", 16, minimum=1)
    sample_size = config.take("sample_size", 64, minimum=1)
    required = {name: config.take(name, None, kind=int, minimum=1) for name in ("in_channels", "patch_size", "caption_channels")}  # fmt: skip
    for name, value in required.items():
        if value is None:
            config.fail(name, value, "the class has no usable default; expected an integer")
    dropout = config.take("dropout", 0.0, kind=float, minimum=0)
    if dropout > 0.99:
        config.fail("dropout", dropout, "expected a probability of at most 0.99")
    if sample_size < required["patch_size"]:
        config.fail("sample_size", sample_size, f"smaller than a patch of {required['patch_size']}")
    out_channels = config.take("out_channels", None, kind=_NULLABLE, minimum=1)
    return {
        "base_size": sample_size // required["patch_size"],
        "position_scale": float(max(sample_size // 64, 1)),
        "num_frames": config.take("video_length", 16, minimum=1),
        "patch_size": required["patch_size"],
        "in_channels": required["in_channels"],
        "out_channels": required["in_channels"] if out_channels is None else out_channels,
        "hidden_size": heads * config.take("attention_head_dim", 88, minimum=1),
        "depth": config.take("num_layers", 1, minimum=0),
        "num_heads": heads,
        "mlp_ratio": 4.0,
        "context_size": required["caption_channels"],
        "qkv_bias": config.take("attention_bias", False),
        "norm_affine": config.take("norm_elementwise_affine", True),
        "norm_eps": config.take("norm_eps", 1e-5, kind=float, minimum=0),
        "temporal_attention": True,
        **({"dropout": dropout} if dropout else {}),
    }


def _rules(activation: str, modulated: bool, cross: bool) -> list[Rule]:
    names = {
        r"pos_embed\.proj": "patch_embed.proj",
        r"adaln_single\.emb\.timestep_embedder\.linear_(\d)": r"t_embedder.fc\1",
        r"adaln_single\.linear": "modulation.linear",
        r"caption_projection\.linear_(\d)": r"caption_projection.fc\1",
        r"proj_out": "final_layer.proj",
    }
    # The source computes these too, but reads the results nowhere.
    unread = [
        *([] if modulated else [r"adaln_single\.linear\..*"]),
        *([] if cross else [r"caption_projection\..*"]),
    ]
    rules = [
        *(Rule(pattern, "") for pattern in unread),
        Rule(r"scale_shift_table", "final_layer.adaln.table"),
    ]
    rules += renamed(names)
    for source, kind in (("transformer_blocks", "spatial"), ("temporal_transformer_blocks", "temporal")):
        block, target = rf"{source}\.(\d+)", rf"blocks.\1.{kind}"
        suffixes = {"1": "msa", "2": "mlp"} if modulated else {"1": "msa", "2": "cross", "3": "mlp"}
        rules += [
            Rule(rf"{block}\.scale_shift_table", f"{target}.adaln.table"),
            *renamed(
                {rf"{block}\.norm{number}": f"{target}.norm_{ours}" for number, ours in suffixes.items()}
            ),
            *attention_rules(block, f"{target}.attn"),
            *attention_rules(block, f"{target}.cross_attn", source="attn2"),
            *feed_forward_rules(block, f"{target}.mlp", activation),
        ]
    return rules


IMPORTER = Importer("LatteTransformer3DModel", convert)
