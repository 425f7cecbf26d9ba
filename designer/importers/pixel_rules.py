"""Where a U-Net on pixels keeps the tensors of diffusers' UNet2DModel."""

import re

from designer.importers import Rule
from designer.presets.pixel_unet import Level, PixelUNet

_RESIDUAL = (
    (r"(norm1|norm2|conv1|conv2)\.(.*)", r"\1.\2"),
    (r"time_emb_proj\.(.*)", r"temb_proj.\1"),
    (r"conv_shortcut\.(.*)", r"shortcut.\1"),
)
# Checkpoints from before diffusers 0.18 name the parts of attention differently.
_ATTENTION = (
    (r"group_norm\.(.*)", r"norm.\1", None),
    (r"(?:to_q|query)\.(.*)", r"qkv.\1", (0, 3)),
    (r"(?:to_k|key)\.(.*)", r"qkv.\1", (1, 3)),
    (r"(?:to_v|value)\.(.*)", r"qkv.\1", (2, 3)),
    (r"(?:to_out\.0|proj_attn)\.(.*)", r"proj.\1", None),
)


def residual_rules(source: str, target: str) -> list[Rule]:
    """Return the rules of a residual block."""
    return [Rule(re.escape(source) + pattern, target + name) for pattern, name in _RESIDUAL]


def attention_rules(source: str, target: str) -> list[Rule]:
    """Return the rules of attention over pixels."""
    return [Rule(re.escape(source) + pattern, target + name, part) for pattern, name, part in _ATTENTION]


def weight_rules(net: PixelUNet, layers: int) -> tuple[Rule, ...]:
    """Return where the tensors of the source belong."""
    rules = [
        Rule(r"time_embedding\.linear_([12])\.(.*)", r"time_mlp.fc\1.\2"),
        Rule(r"class_embedding\.linear_([12])\.(.*)", r"class_mlp.fc\1.\2"),
        Rule(r"class_embedding\.weight", "class_embed.weight"),
        Rule(r"time_proj\.weight", "embed.frequencies" if net.divide else "embed.weight"),
        Rule(r"conv_norm_out\.(.*)", r"norm_out.\1"),
    ]
    last = len(net.levels) - 1
    for index, level in enumerate(net.levels):
        rules += _down_rules(f"down_blocks.{index}.", f"down_{index}.", level, layers)
        rules += _up_rules(f"up_blocks.{last - index}.", f"up_{index}.", level, layers + 1)
    rules += residual_rules("mid_block.resnets.0.", "mid.res1.") + residual_rules(
        "mid_block.resnets.1.", "mid.res2."
    )
    return (*rules, *attention_rules("mid_block.attentions.0.", "mid.attn."))


def _down_rules(source: str, target: str, level: Level, blocks: int) -> list[Rule]:
    rules = []
    for block in range(blocks):
        rules += residual_rules(f"{source}resnets.{block}.", f"{target}blocks.{block}.res.")
        rules += attention_rules(f"{source}attentions.{block}.", f"{target}blocks.{block}.attn.")
    conv = "down.conv." if level.down == "conv" else "down."
    resampler = "resnet_down." if level.down == "skip" else "downsamplers.0."
    return [
        *rules,
        Rule(re.escape(source) + r"downsamplers\.0\.conv\.(.*)", target + conv + r"\1"),
        *residual_rules(source + resampler, f"{target}down."),
        Rule(re.escape(source) + r"skip_conv\.(.*)", target + r"from_image.\1"),
    ]


def _up_rules(source: str, target: str, level: Level, blocks: int) -> list[Rule]:
    rules = []
    for block in range(blocks):
        inside = f"{target}blocks.{block}.block."
        rules += residual_rules(f"{source}resnets.{block}.", inside if level.late else f"{inside}res.")
        rules += attention_rules(
            f"{source}attentions.{block}.", f"{target}attn." if level.late else f"{inside}attn."
        )
    resampler = "resnet_up." if level.up == "skip" else "upsamplers.0."
    return [
        *rules,
        Rule(re.escape(source) + r"upsamplers\.0\.conv\.(.*)", target + r"up.conv.\1"),
        *residual_rules(source + resampler, f"{target}up."),
        Rule(re.escape(source) + r"skip_conv\.(.*)", target + r"to_image.\1"),
        Rule(re.escape(source) + r"skip_norm\.(.*)", target + r"image_norm.\1"),
    ]
