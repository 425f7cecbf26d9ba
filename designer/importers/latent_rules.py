"""Where a latent U-Net keeps the tensors of diffusers' conditional U-Net and ControlNet."""

import re

from designer.importers import Rule
from designer.presets.latent_levels import Level
from designer.presets.latent_writer import LatentUNet

_RES = (
    (r"(norm1|norm2|conv1|conv2)\.(.*)", r"\1.\2"),
    (r"time_emb_proj\.(.*)", r"temb_proj.\1"),
    (r"conv_shortcut\.(.*)", r"shortcut.\1"),
)
_BLOCK = r"transformer_blocks\.(\d+)\."


def weight_rules(network: LatentUNet) -> tuple[Rule, ...]:
    """Return the rules of the parts that all networks of the family have."""
    rules = [
        Rule(r"time_embedding\.linear_([12])\.(.*)", r"time_mlp.fc\1.\2"),
        Rule(r"time_embedding\.cond_proj\.weight", "time_mlp.guide.weight"),
        Rule(r"time_proj\.weight", "time_mlp.embed.frequencies"),
        Rule(r"class_embedding\.linear_([12])\.(.*)", r"class_embedding.fc\1.\2"),
        Rule(r"add_embedding\.linear_([12])\.(.*)", r"micro.fc\1.\2"),
        Rule(r"add_embedding\.(norm1|norm2|proj)\.(.*)", r"text_pooling.\1.\2"),
        Rule(r"add_embedding\.pool\.positional_embedding", "text_pooling.pool.position"),
        Rule(r"add_embedding\.pool\.([qkv])_proj\.(.*)", r"text_pooling.pool.\1.\2"),
        Rule(r"add_embedding\.((image|text)_(proj|norm)\..*)", r"image_embedding.\1"),
        *_hint_rules(),
        Rule(r"encoder_hid_proj\.(weight|bias)", r"context_proj.\1"),
        Rule(r"encoder_hid_proj\.text_proj\.(.*)", r"context_proj.\1"),
        Rule(r"encoder_hid_proj\.image_embeds\.(.*)", r"image_proj.\1"),
        Rule(r"encoder_hid_proj\.norm\.(.*)", r"image_norm.\1"),
        Rule(r"conv_norm_out\.(.*)", r"norm_out.\1"),
    ]
    for index, level in enumerate(network.down):
        nested = (
            level.has_context or not network.up
        )  # the block of a control network holds a zero convolution
        rules += _level(f"down_blocks.{index}", f"down_{index}", level, nested)
        rules += _resampler(
            f"down_blocks.{index}.downsamplers.0.", f"down_{index}.down.", level, network.style.asymmetric
        )
    for index, level in enumerate(network.up):
        source = f"up_blocks.{len(network.up) - 1 - index}"
        rules += _level(source, f"up_{index}", level, nested=True)
        rules += _resampler(f"{source}.upsamplers.0.", f"up_{index}.up.", level, module=True)
    if network.mid:
        rules += _residual(r"mid_block\.resnets\.0\.", "mid.res.")
        rules += _residual(r"mid_block\.resnets\.1\.", "mid.res2.")
        rules += _attention(r"mid_block\.attentions\.0\.", "mid.attn.", network.mid)
    return tuple(rules)


def _hint_rules() -> list[Rule]:
    """Rules of the hint encoder of a condition, a sequence of convolutions and activations."""
    places = ["conv_in", *(f"stages.{stage}.conv{half}" for stage in range(3) for half in (1, 2)), "conv_out"]
    source = r"add_embedding\.input_hint_block"
    return [
        Rule(rf"{source}\.{2 * index}\.(.*)", rf"hint_encoder.{place}.\1")
        for index, place in enumerate(places)
    ]


def _resampler(source: str, target: str, level: Level, module: bool) -> list[Rule]:
    """Rules of what changes the resolution: a residual block, a module around a convolution, a convolution."""
    if level.resamples:
        return _residual(re.escape(source), target)
    return [Rule(re.escape(source) + r"conv\.(.*)", target + (r"conv.\1" if module else r"\1"))]


def _level(source: str, target: str, level: Level, nested: bool) -> list[Rule]:
    """Rules of the blocks of a level; `nested` blocks hold a residual block among other things."""
    rules = []
    for block in range(level.blocks):
        res = f"{target}.blocks.{block}." + ("res." if nested else "")
        rules += _residual(re.escape(f"{source}.resnets.{block}."), res)
        if level.has_context:
            attn = re.escape(f"{source}.attentions.{block}.")
            rules += _attention(attn, f"{target}.blocks.{block}.attn.", level)
    return rules


def _residual(source: str, target: str) -> list[Rule]:
    return [Rule(source + pattern, target + name) for pattern, name in _RES]


def _attention(source: str, target: str, level: Level) -> list[Rule]:
    if level.kind == "cross":
        return _transformer(source, target, level.only_cross)
    query = (
        [Rule(source + r"to_q\.(.*)", target + r"q.\1")]
        if level.only_cross
        else [
            Rule(source + rf"to_{letter}\.(.*)", target + r"qkv.qkv.\1", part=(part, 3))
            for part, letter in enumerate("qkv")
        ]
    )
    return [
        *query,
        Rule(source + r"group_norm\.(.*)", target + r"norm.\1"),
        Rule(source + r"norm_cross\.(.*)", target + r"norm_context.\1"),
        Rule(source + r"add_([kv])_proj\.(.*)", target + r"context_\1.\2"),
        Rule(source + r"to_out\.0\.(.*)", target + r"proj.\1"),
    ]


def _transformer(source: str, target: str, only_cross: bool) -> list[Rule]:
    """Rules of a spatial transformer; the block's index is the first group of the pattern."""
    rules = [Rule(source + r"(norm|proj_in|proj_out)\.(.*)", target + r"\1.\2")]
    inner, place = source + _BLOCK, target + r"blocks.\1."
    for attention in ("attn1", "attn2"):
        if attention == "attn1" and not only_cross:
            rules += [
                Rule(inner + rf"attn1\.to_{letter}\.weight", place + "attn1.qkv.qkv.weight", part=(part, 3))
                for part, letter in enumerate("qkv")
            ]
        rules += [
            Rule(inner + rf"{attention}\.to_([qkv])\.weight", place + rf"{attention}.\2.weight"),
            Rule(inner + rf"{attention}\.to_out\.0\.(.*)", place + rf"{attention}.proj.\2"),
        ]
    return [
        *rules,
        Rule(inner + r"ff\.net\.0\.proj\.(.*)", place + r"ff.gate.proj.\2"),
        Rule(inner + r"ff\.net\.2\.(.*)", place + r"ff.proj.\2"),
        Rule(inner + r"(norm\d)\.(.*)", place + r"\2.\3"),
    ]
