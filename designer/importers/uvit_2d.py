"""UVit2DModel: the U-ViT of aMUSEd."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.attention_rules import attention_rules, feed_forward_rules, renamed
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.presets.uvit_2d import Shape, uvit_2d

_INPUTS = {
    "codes": "input_ids",
    "context": "encoder_hidden_states",
    "pooled": "pooled_text_emb",
    "micro": "micro_conds",
}


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of a UVit2DModel."""
    values = _values(config)
    dropouts = {
        "dropout": config.take("hidden_dropout", 0.0, kind=float, minimum=0),
        "attention_dropout": config.take("attention_dropout", 0.0, kind=float, minimum=0),
    }
    dropout = any(dropouts.values())
    config.take("sample_size", 64)  # the class builds nothing from it
    shape = Shape(
        down=config.take("downsample", False),
        up=config.take("upsample", False),
        dropout=dropout,
        mapped=values["channels"] != values["hidden_size"],
    )
    document = uvit_2d({**values, **(dropouts if dropout else {})}, shape)
    return Imported(with_inputs(document, _INPUTS), tuple(_rules()))


def _values(config: Config) -> dict[str, Any]:
    channels, width = (
        config.take("block_out_channels", 768, minimum=1),
        config.take("hidden_size", 1024, minimum=1),
    )
    block_heads = _divisor(config, "block_num_heads", 12, "block_out_channels", channels)
    heads = _divisor(config, "num_attention_heads", 16, "hidden_size", width)
    embed, encode = (
        config.take("micro_cond_embed_dim", 1280, minimum=1),
        config.take("micro_cond_encode_dim", 256, minimum=2),
    )
    if encode % 2:
        config.fail(
            "micro_cond_encode_dim", encode, "it holds a sine and a cosine per frequency, so it must be even"
        )
    if embed % encode:
        config.fail(
            "micro_cond_embed_dim", embed, f"it holds embeddings of {encode} features (micro_cond_encode_dim)"
        )
    return {
        "vocab_size": config.take("vocab_size", 8256, minimum=1),
        "codebook_size": config.take("codebook_size", 8192, minimum=1),
        "embed_size": config.take("in_channels", 768, minimum=1),
        "channels": channels,
        "num_res_blocks": config.take("num_res_blocks", 3, minimum=0),
        "block_heads": block_heads,
        "hidden_size": width,
        "depth": config.take("num_hidden_layers", 22, minimum=0),
        "num_heads": heads,
        "mlp_hidden": config.take("intermediate_size", 2816, minimum=1),
        "context_size": config.take("encoder_hidden_size", 768, minimum=1),
        "pooled_size": config.take("cond_embed_dim", 768, minimum=1),
        "num_micro": embed // encode,
        "micro_size": encode,
        "bias": config.take("use_bias", False),
        "norm_affine": config.take("ln_elementwise_affine", True),
        "norm_eps": config.take("layer_norm_eps", 1e-6, kind=float, minimum=0),
    }


def _divisor(config: Config, name: str, default: int, whole: str, size: int) -> int:
    """The argument, a number of heads that divides a width."""
    heads: int = config.take(name, default, minimum=1)
    if size % heads:
        config.fail(name, heads, f"it must divide {whole}, which is {size}")
    return heads


def _rules() -> list[Rule]:
    stage, block = r"(down|up)_block", r"transformer_layers\.(\d+)"
    conv, text = rf"{stage}\.res_blocks\.(\d+)", rf"{stage}\.attention_blocks\.(\d+)"
    ours_conv, ours_text, ours = r"\1_blocks.\2.conv", r"\1_blocks.\2.text", r"blocks.\1"
    names = {
        "encoder_proj": "context_proj",
        "encoder_proj_layer_norm": "context_norm",
        r"embed\.embeddings": "embed",
        r"embed\.layer_norm": "embed_proj_norm",
        r"embed\.conv": "embed_proj",
        r"cond_embed\.linear_(\d)": r"condition.fc\1",
        rf"{stage}\.(?:down|up)sample\.norm": r"\1_norm",
        rf"{stage}\.(?:down|up)sample\.(?:conv|Conv2d_0)": r"\1.conv",
        rf"{conv}\.(depthwise|norm)": rf"{ours_conv}.\3",
        rf"{conv}\.channelwise_linear_([12])": rf"{ours_conv}.fc\3",
        rf"{conv}\.cond_embeds_mapper": rf"{ours_conv}.condition",
        rf"{text}\.kv_mapper": rf"{ours_text}.kv",
        rf"{text}\.norm([12])": rf"{ours_text}.norm\3",
        r"project_to_hidden(_norm)?": r"project_in\1",
        r"project_from_hidden(_norm)?": r"project_out\1",
        rf"{block}\.norm([123])\.(linear|norm)": rf"{ours}.norm\2.\3",
        r"mlm_layer\.conv1": "head",
        r"mlm_layer\.layer_norm": "logits_norm",
        r"mlm_layer\.conv2": "logits",
    }
    return [
        *renamed(names),
        Rule(rf"{conv}\.channelwise_norm\.(gamma|beta)", rf"{ours_conv}.response.\3"),
        *attention_rules(text, rf"{ours_text}.attn1", "attn1"),
        *attention_rules(text, rf"{ours_text}.attn2", "attn2"),
        *attention_rules(block, f"{ours}.attn", "attn1"),
        *attention_rules(block, f"{ours}.cross_attn", "attn2"),
        *feed_forward_rules(block, f"{ours}.mlp", "geglu"),
    ]


IMPORTER = Importer(source="UVit2DModel", convert=convert)
