"""HunyuanDiT2DModel: Hunyuan-DiT before and from version 1.2."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.attention_rules import (
    FEED_FORWARDS,
    KIND,
    attention_rules,
    feed_forward_rules,
    renamed,
)
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.presets.hunyuan import hunyuan

_INPUTS = {
    "x": "hidden_states", "t": "timestep", "context": "encoder_hidden_states", "mask": "text_embedding_mask",
    "context_t5": "encoder_hidden_states_t5", "mask_t5": "text_embedding_mask_t5", "image_meta_size": "image_meta_size",
    "style": "style", "rotary_pair": "image_rotary_emb",
}  # fmt: skip


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of a HunyuanDiT2DModel."""
    activation = config.take("activation_fn", "gelu-approximate", choices=FEED_FORWARDS)
    styled = config.take("use_style_cond_and_image_meta_size", True)
    sample_size = config.take("sample_size", 32, kind=(int, list))  # sizes the example only
    config.take("norm_type", "layer_norm")  # the class builds nothing from it
    values = _values(config)
    side = sample_size if isinstance(sample_size, int) else 32
    document = hunyuan(values, styled, rotary_input=True, activation=activation, sample_size=side)
    rules = _rules(values["num_skips"], values["num_middle"], activation)
    return Imported(with_inputs(document, _INPUTS), tuple(rules))


def _values(config: Config) -> dict[str, Any]:
    heads = config.take("num_attention_heads", 16, minimum=1)
    head_dim = config.take("attention_head_dim", 88, minimum=1)
    if head_dim % 2:
        config.fail("attention_head_dim", head_dim, "positions rotate features in pairs, so it must be even")
    width = config.take("hidden_size", 1152, minimum=1)
    if width != heads * head_dim:
        config.fail("hidden_size", width, f"the blocks have {heads} heads of {head_dim} features, so it must be {heads * head_dim}")  # fmt: skip
    channels, patch_size = _given(config, "in_channels"), _given(config, "patch_size")
    size_t5 = config.take("cross_attention_dim_t5", 2048, minimum=1)
    if size_t5 % 8:
        config.fail(
            "cross_attention_dim_t5", size_t5, "it is pooled with 8 heads, so it must be a multiple of 8"
        )
    depth = config.take("num_layers", 28, minimum=1)
    if depth % 2 and depth > 1:
        config.fail("num_layers", depth, "its long skips pair the blocks, so it must be even (or 1)")
    skips = max(depth // 2 - 1, 0)
    return {
        "patch_size": patch_size,
        "in_channels": channels,
        "out_channels": 2 * channels if config.take("learn_sigma", True) else channels,
        "hidden_size": width,
        "num_skips": skips,
        "num_middle": depth - 2 * skips,
        "num_heads": heads,
        "mlp_ratio": float(config.take("mlp_ratio", 4.0, kind=float, minimum=0)),
        "text_len": config.take("text_len", 77, minimum=1),
        "context_size": config.take("cross_attention_dim", 1024, minimum=1),
        "text_len_t5": config.take("text_len_t5", 256, minimum=1),
        "context_size_t5": size_t5,
        "pooled_size": config.take("pooled_projection_dim", 1024, minimum=1),
        "fuse": "LongSkip",
    }


def _given(config: Config, name: str) -> int:
    """An argument whose default, null, the class itself cannot use."""
    value = config.take(name, None, kind=int, minimum=1)
    if value is None:
        config.fail(name, value, "the class needs a number")
    return int(value)


def _rules(skips: int, middle: int, activation: str) -> list[Rule]:
    emb, pool = r"time_extra_emb", r"time_extra_emb\.pooler"
    names = {
        r"pos_embed\.proj": "patch_embed.proj",
        r"text_embedder\.linear_(\d)": r"text_embedder.fc\1",
        rf"{emb}\.timestep_embedder\.linear_(\d)": r"condition.t_embedder.fc\1",
        rf"{pool}\.([qkv])_proj": r"condition.pool.\1",
        rf"{pool}\.c_proj": "condition.pool.proj",
        rf"{emb}\.style_embedder": "condition.style_embedder",
        rf"{emb}\.extra_embedder\.linear_(\d)": r"condition.fc\1",
        "proj_out": "final_layer.proj",
    }
    rules = [
        *renamed(names),
        Rule("text_embedding_padding", "padding.table"),
        Rule(rf"{pool}\.positional_embedding", "condition.pool.position.table"),
        Rule(
            rf"norm_out\.linear{KIND}", r"final_layer.adaln.proj.\g<kind>", order=(1, 0)
        ),  # ours: shift, scale
    ]
    groups = [("in_blocks", skips, ""), ("mid_blocks", middle, ""), ("out_blocks", skips, ".block")]
    targets = [(f"{name}.{i}", inner) for name, count, inner in groups for i in range(count)]
    for layer, (target, inner) in enumerate(targets):
        rules += _block_rules(rf"blocks\.{layer}", target, target + inner, activation)
    return rules


def _block_rules(theirs: str, target: str, block: str, activation: str) -> list[Rule]:
    names = {
        rf"{theirs}\.skip_(norm|linear)": rf"{target}.skip.\1",
        rf"{theirs}\.norm1\.linear": f"{block}.norm1.shift",
        rf"{theirs}\.norm1\.norm": f"{block}.norm1.norm",
        rf"{theirs}\.norm([23])": rf"{block}.norm\1",
        rf"{theirs}\.attn1\.norm_([qk])": rf"{block}.attn.\1_norm",
        rf"{theirs}\.attn2\.norm_([qk])": rf"{block}.cross_attn.\1_norm",
    }
    return [
        *renamed(names),
        *attention_rules(theirs, f"{block}.attn", "attn1"),
        *attention_rules(theirs, f"{block}.cross_attn", "attn2"),
        *feed_forward_rules(theirs, f"{block}.mlp", activation),
    ]


IMPORTER = Importer(source="HunyuanDiT2DModel", convert=convert)
