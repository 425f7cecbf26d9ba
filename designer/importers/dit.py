"""DiTTransformer2DModel: the DiT of diffusers, which differs from the paper's in three ways.

Each block holds its own embedders, the frequencies of the timestep end one step later, and the second norm of
a block has its own epsilon. The import follows the class.
"""

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
from designer.presets.dit_embedded import dit_embedded

_INPUTS = {"x": "hidden_states", "t": "timestep", "y": "class_labels"}


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of a DiTTransformer2DModel."""
    activation = config.take("activation_fn", "gelu-approximate", choices=FEED_FORWARDS)
    sample_size = config.take("sample_size", 32, minimum=1)
    config.take("norm_type", "ada_norm_zero", choices=("ada_norm_zero",))
    config.take("norm_num_groups", 32)  # the class builds nothing from it
    config.take("upcast_attention", False)  # fused attention computes in fp32 here anyway
    values = _values(config, sample_size)
    document = dit_embedded(values, activation, sample_size)
    return Imported(with_inputs(document, _INPUTS), tuple(_rules(activation, values["depth"])))


def _values(config: Config, sample_size: int) -> dict[str, Any]:
    heads = config.take("num_attention_heads", 16, minimum=1)
    patch_size = config.take("patch_size", 2, minimum=1)
    in_channels = config.take("in_channels", 4, minimum=1)
    out_channels = config.take("out_channels", None, kind=(int, type(None)), minimum=1)
    dropout = config.take("dropout", 0.0, kind=float, minimum=0)
    return {
        "base_size": sample_size // patch_size,
        "patch_size": patch_size,
        "in_channels": in_channels,
        "out_channels": in_channels if out_channels is None else out_channels,
        "hidden_size": take_width(config, heads, 72),
        "depth": config.take("num_layers", 28, minimum=1),
        "num_heads": heads,
        "mlp_ratio": 4.0,
        "qkv_bias": config.take("attention_bias", True),
        "norm_affine": config.take("norm_elementwise_affine", False),
        "norm_eps": config.take("norm_eps", 1e-5, kind=float, minimum=0),
        **({"dropout": dropout} if dropout else {}),
        "num_classes": config.take("num_embeds_ada_norm", 1000, minimum=1),
        "class_dropout": 0.1,
    }


def _rules(activation: str, depth: int) -> list[Rule]:
    """The first block's embedders are the model's condition; the second block is number 0 of the others."""
    names = {
        r"pos_embed\.proj": "patch_embed.proj",
        "proj_out_1": "final_layer.adaln.proj",
        "proj_out_2": "final_layer.proj",
    }
    rules = renamed(names) + _block_rules(0, "condition", "first_block", activation)
    for index in range(1, depth):
        ours = f"blocks.{index - 1}"
        rules += _block_rules(index, f"{ours}.condition", f"{ours}.block", activation)
    return rules


def _block_rules(index: int, condition: str, block: str, activation: str) -> list[Rule]:
    theirs = rf"transformer_blocks\.{index}"
    emb = rf"{theirs}\.norm1\.emb"
    names = {
        **{rf"{emb}\.timestep_embedder\.linear_{k}": f"{condition}.t_embedder.fc{k}" for k in (1, 2)},
        rf"{emb}\.class_embedder\.embedding_table": f"{condition}.y_embedder.table",
        rf"{theirs}\.norm1\.linear": f"{block}.adaln.proj",
        rf"{theirs}\.norm3": f"{block}.norm2",
    }
    return [
        *renamed(names),
        *attention_rules(theirs, f"{block}.attn"),
        *feed_forward_rules(theirs, f"{block}.mlp", activation),
    ]


IMPORTER = Importer(source="DiTTransformer2DModel", convert=convert)
