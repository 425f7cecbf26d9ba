"""Import of diffusers' AutoencoderKL."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.config import Config
from designer.importers.latent_config import ACTIVATIONS
from designer.importers.pixel_rules import attention_rules, residual_rules
from designer.presets.autoencoder_kl import RECONSTRUCTION, Autoencoder, autoencoder

# The kinds of a level, and whether it attends.
DOWN = {"DownEncoderBlock2D": False, "AttnDownEncoderBlock2D": True}
UP = {"UpDecoderBlock2D": False, "AttnUpDecoderBlock2D": True}
_NUMBERS = (list, type(None))


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of an autoencoder."""
    channels = config.take("block_out_channels", [64], minimum=1)
    blocks, latent_channels = _layers(config), config.take("latent_channels", 4, minimum=1)
    net = Autoencoder(
        tuple(channels),
        latent_channels,
        (config.take("in_channels", 3, minimum=1), config.take("out_channels", 3, minimum=1)),
        blocks,
        config.take("norm_num_groups", 32, minimum=1),
        ACTIVATIONS[config.take("act_fn", "silu", choices=tuple(ACTIVATIONS))],
        (config.take("use_quant_conv", True), config.take("use_post_quant_conv", True)),
        config.take("mid_block_add_attention", True),
        _attention(config, "down_block_types", DOWN, "DownEncoderBlock2D", len(channels)),
        _attention(config, "up_block_types", UP, "UpDecoderBlock2D", len(channels)),
        _training(config, latent_channels),
        ("sample", "decoded", "moments"),
    )
    config.take("sample_size", 32, kind=(int, list), minimum=1)  # of the tiles of large images
    config.take("force_upcast", True)  # asks pipelines for float32
    return Imported(autoencoder(net, "AutoencoderKL"), tuple(_rules(net)))


def _layers(config: Config) -> int:
    blocks: int = config.take("layers_per_block", 1, minimum=0)
    if not blocks:
        config.fail("layers_per_block", blocks, "an encoder level holds at least one residual block")
    return blocks


def _attention(
    config: Config, name: str, kinds: dict[str, bool], default: str, levels: int
) -> tuple[bool, ...]:
    """Return which levels attend."""
    types = config.take(name, [default])
    for one in types:
        if not isinstance(one, str) or one.removeprefix("UNetRes") not in kinds:
            config.fail(name, types, f"{one!r} is no level of an autoencoder; expected {' or '.join(kinds)}")
    if len(types) != levels:
        config.fail(name, types, f"expected one for each of the {levels} block_out_channels")
    return tuple(kinds[one.removeprefix("UNetRes")] for one in types)


def _training(config: Config, channels: int) -> dict[str, Any]:
    """Return how latents are scaled for a denoiser."""
    found = {**RECONSTRUCTION, "scaling_factor": config.take("scaling_factor", 0.18215, kind=float)}
    if not found["scaling_factor"] > 0:
        config.fail("scaling_factor", found["scaling_factor"], "expected a number above 0")
    shift = config.take("shift_factor", None, kind=(float, type(None)))
    found |= {"shift_factor": shift} if shift else {}
    for name in ("latents_mean", "latents_std"):
        numbers = config.take(name, None, kind=_NUMBERS)
        if numbers is None:
            continue
        if len(numbers) != channels or not all(isinstance(one, (int, float)) for one in numbers):
            config.fail(name, numbers, f"expected {channels} numbers, one for each of the latent_channels")
        if name == "latents_std" and not all(one > 0 for one in numbers):
            config.fail(name, numbers, "expected numbers above 0")
        found[name] = numbers
    return found


def _rules(net: Autoencoder) -> list[Rule]:
    rules = [
        Rule(r"quant_conv\.(.*)", r"encoder.quant.\1"),
        Rule(r"post_quant_conv\.(.*)", r"decoder.post_quant.\1"),
        Rule(r"((?:en|de)coder)\.conv_norm_out\.(.*)", r"\1.norm_out.\2"),
        Rule(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0\.(.*)", r"encoder.levels.\1.down.\2"),
        Rule(r"decoder\.up_blocks\.(\d+)\.upsamplers\.0\.(.*)", r"decoder.levels.\1.up.\2"),
    ]
    sides = (
        ("encoder", "down_blocks", net.num_blocks, net.down_attention),
        ("decoder", "up_blocks", net.num_blocks + 1, net.up_attention),
    )
    for side, source, blocks, attention in sides:
        for half in (0, 1):
            rules += residual_rules(f"{side}.mid_block.resnets.{half}.", f"{side}.mid.res{half + 1}.")
        rules += attention_rules(f"{side}.mid_block.attentions.0.", f"{side}.mid.attn.")
        for level, block in ((level, block) for level in range(len(net.channels)) for block in range(blocks)):
            theirs, ours = f"{side}.{source}.{level}.", f"{side}.levels.{level}.blocks.{block}."
            rules += residual_rules(f"{theirs}resnets.{block}.", ours + ("res." if any(attention) else ""))
            rules += attention_rules(f"{theirs}attentions.{block}.", f"{ours}attn.")
    return rules


IMPORTER = Importer(source="AutoencoderKL", convert=convert)
