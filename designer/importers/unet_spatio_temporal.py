"""UNetSpatioTemporalConditionModel: Stable Video Diffusion."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.attention_rules import KIND, renamed
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.presets.svd import svd
from designer.presets.video_levels import Level

_INPUTS = {"x": "sample", "t": "timestep", "context": "encoder_hidden_states", "ids": "added_time_ids"}
_DOWN = {"CrossAttnDownBlockSpatioTemporal": True, "DownBlockSpatioTemporal": False}
_UP = {"CrossAttnUpBlockSpatioTemporal": True, "UpBlockSpatioTemporal": False}


def convert(config: Config) -> Imported:
    """Return the design of a configuration and the rules for its weights."""
    channels = config.take("block_out_channels", (320, 640, 1280, 1280), minimum=1)
    count = len(channels)
    for one in channels:
        if one % 32:
            config.fail(
                "block_out_channels", channels, "normalisations have 32 groups; expected multiples of 32"
            )
    heads = _each(config, "num_attention_heads", (5, 10, 20, 20), count)
    blocks = _each(config, "layers_per_block", 2, count)
    depths = _each(config, "transformer_layers_per_block", 1, count)
    down = _kinds(config, "down_block_types", _DOWN, count)
    up = _kinds(config, "up_block_types", _UP, count)[::-1]
    _check_heads(config, channels, heads, [*zip(down, up, strict=True)])
    contexts = _each(config, "cross_attention_dim", 1024, count)
    if len(set(contexts)) != 1:
        config.fail(
            "cross_attention_dim", contexts, "all levels attend to one context, so their sizes must agree"
        )
    config.take("num_frames", 25)  # any number of frames will do
    side = config.take("sample_size", None, kind=(int, list, type(None)), minimum=1) or 64
    height, width = side if isinstance(side, list) else (side, side)
    values: dict[str, Any] = {
        "in_channels": config.take("in_channels", 8, minimum=1),
        "out_channels": config.take("out_channels", 4, minimum=1),
        "channels": channels,
        "context_dim": contexts[0],
        "id_dim": config.take("addition_time_embed_dim", 256, minimum=2),
        "num_groups": 32,
    }
    levels = [*zip(blocks, heads, depths, strict=True)]
    document = svd(
        values,
        down=[Level(cross, one[0], *one[1:]) for cross, one in zip(down, levels, strict=True)],
        up=[Level(cross, one[0] + 1, *one[1:]) for cross, one in zip(up, levels, strict=True)],
        mid=Level(True, 1, heads[-1], depths[-1]),
        num_ids=_num_ids(config, values["id_dim"]),
        size=(14, height, width),
    )
    return Imported(with_inputs(document, _INPUTS), tuple(_rules(down, up)))


def _each(config: Config, name: str, default: Any, count: int) -> list[int]:
    """Return an argument that is one number for all levels or a list with one for each."""
    value = config.take(name, default, kind=(int, list), minimum=1)
    if isinstance(value, int):
        return [value] * count
    if len(value) != count or not all(isinstance(one, int) for one in value):
        config.fail(name, value, f"expected an integer, or one for each of the {count} levels of block_out_channels")  # fmt: skip
    return list(value)


def _kinds(config: Config, name: str, known: dict[str, bool], count: int) -> list[bool]:
    """Return for each level, in the order of the argument, whether it has transformers."""
    cross, plain = known
    default = [cross, cross, cross, plain] if known is _DOWN else [plain, cross, cross, cross]
    types = config.take(name, default)
    if len(types) != count:
        config.fail(name, types, f"expected a block for each of the {count} levels of block_out_channels")
    for one in types:
        if one not in known:
            config.fail(name, one, f"supported are {', '.join(known)}")
    return [known[one] for one in types]


def _check_heads(
    config: Config, channels: list[int], heads: list[int], used: list[tuple[bool, bool]]
) -> None:
    last = len(channels) - 1
    for index, (width, count) in enumerate(zip(channels, heads, strict=True)):
        if (any(used[index]) or index == last) and width % count:
            config.fail("num_attention_heads", heads, f"{width} channels cannot be split into {count} heads")


def _num_ids(config: Config, size: int) -> int:
    """How many numbers, such as the frame rate, are a condition."""
    name = "projection_class_embeddings_input_dim"
    total = int(config.take(name, 768, minimum=1))
    if total % size:
        config.fail(name, total, f"expected a multiple of addition_time_embed_dim, {size}")
    return total // size


def _rules(down: list[bool], up: list[bool]) -> list[Rule]:
    rules = renamed(
        {
            r"time_embedding\.linear_([12])": r"time_mlp.fc\1",
            r"add_embedding\.linear_([12])": r"motion.fc\1",
            r"conv_norm_out": "norm_out",
        }
    )
    for index, cross in enumerate(down):
        block, ours = rf"down_blocks\.{index}", rf"down_{index}"
        rules += _residual(rf"{block}\.resnets\.(\d+)", rf"{ours}.blocks.\1" + (".res" if cross else ""))
        rules += _transformer(rf"{block}\.attentions\.(\d+)", rf"{ours}.blocks.\1.attn")
        rules += renamed({rf"{block}\.downsamplers\.0\.conv": f"{ours}.down"})
    for index in range(len(up)):
        block, ours = rf"up_blocks\.{len(up) - 1 - index}", rf"up_{index}"
        rules += _residual(rf"{block}\.resnets\.(\d+)", rf"{ours}.blocks.\1.res")
        rules += _transformer(rf"{block}\.attentions\.(\d+)", rf"{ours}.blocks.\1.attn")
        rules += renamed({rf"{block}\.upsamplers\.0\.conv": f"{ours}.up.conv"})
    rules += _residual(r"mid_block\.resnets\.(0)", "mid.res1") + _residual(
        r"mid_block\.resnets\.(1)", "mid.res2"
    )
    return rules + _transformer(r"mid_block\.attentions\.(\d+)", "mid.attn")


def _residual(source: str, target: str) -> list[Rule]:
    """Return the rules of one residual block; `source` has one group."""
    rules = [Rule(rf"{source}\.time_mixer\.mix_factor", f"{target}.mix.mix_factor")]
    for kind in ("spatial", "temporal"):
        names = {
            "time_emb_proj": "temb_proj",
            "conv_shortcut": "shortcut",
            "(norm1|norm2|conv1|conv2)": r"\2",
        }
        rules += renamed({rf"{source}\.{kind}_res_block\.{one}": f"{target}.{kind}.{ours}" for one, ours in names.items()})  # fmt: skip
    return rules


def _transformer(source: str, target: str) -> list[Rule]:
    """Return the rules of one transformer; `source` has one group."""
    rules = [Rule(rf"{source}\.time_mixer\.mix_factor", f"{target}.mix.mix_factor")]
    rules += renamed({rf"{source}\.(norm|proj_in|proj_out)": rf"{target}.\2", rf"{source}\.time_pos_embed\.linear_([12])": rf"{target}.frames.fc\2"})  # fmt: skip
    for kind, ours in (("transformer_blocks", "spatial"), ("temporal_transformer_blocks", "temporal")):
        block, place = rf"{source}\.{kind}\.(\d+)", rf"{target}.blocks.\2.{ours}"
        rules += [
            Rule(rf"{block}\.attn1\.to_{one}{KIND}", rf"{place}.attn1.qkv.qkv.\g<kind>", part=(part, 3))
            for part, one in enumerate("qkv")
        ]
        names = {
            r"attn2\.to_([qkv])": r"attn2.\3",
            r"(attn1|attn2)\.to_out\.0": r"\3.proj",
            r"(norm1|norm2|norm3|norm_in)": r"\3",
            r"(ff|ff_in)\.net\.0\.proj": r"\3.gate.proj",
            r"(ff|ff_in)\.net\.2": r"\3.proj",
        }
        rules += renamed({rf"{block}\.{pattern}": f"{place}.{name}" for pattern, name in names.items()})
    return rules


IMPORTER = Importer("UNetSpatioTemporalConditionModel", convert)
