"""Import of diffusers' AutoencoderTiny.

Its forward rounds latents to bytes in between, as they may be stored; the design decodes them as they are, which
is what encoding and decoding do.
"""

from designer.importers import Imported, Importer, Rule
from designer.importers.config import Config
from designer.importers.latent_config import ACTIVATIONS
from designer.presets.autoencoder_tiny import TinyAutoencoder, tiny_autoencoder

UPSAMPLES = {"nearest": "UpsampleNearest", "bilinear": "UpsampleBilinear"}


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of a tiny autoencoder."""
    encoder, decoder = (
        _side(config, "encoder", [1, 3, 3, 3]),
        _side(config, "decoder", [3, 3, 3, 1]),
    )
    config.refuse("upsampling_scaling_factor", 2, "levels double the resolution")
    scaling = config.take("scaling_factor", 1.0, kind=float)
    if not scaling > 0:
        config.fail("scaling_factor", scaling, "expected a number above 0")
    shift = config.take("shift_factor", 0.0, kind=float)
    net = TinyAutoencoder(
        (encoder[0], decoder[0]),
        encoder[1],
        decoder[1],
        config.take("latent_channels", 4, minimum=1),
        (config.take("in_channels", 3, minimum=1), config.take("out_channels", 3, minimum=1)),
        ACTIVATIONS[config.take("act_fn", "relu", choices=tuple(ACTIVATIONS))],
        UPSAMPLES[config.take("upsample_fn", "nearest", choices=tuple(UPSAMPLES))],
        {"scaling_factor": scaling, **({"shift_factor": shift} if shift else {})},
        ("sample", "decoded"),
    )
    for name, default in (("latent_magnitude", 3), ("latent_shift", 0.5)):
        config.take(name, default, kind=float)  # of latents stored as bytes
    config.take("force_upcast", False)  # asks pipelines for float32
    config.take("block_out_channels", None)  # which the class writes itself, as those of the decoder
    return Imported(tiny_autoencoder(net, "AutoencoderTiny"), tuple(_rules(net)))


def _side(config: Config, side: str, default: list[int]) -> tuple[int, tuple[int, ...]]:
    """Return the channels of the encoder or decoder and its blocks a level."""
    channels = config.take(f"{side}_block_out_channels", [64] * 4, minimum=1)
    blocks = config.take(f"num_{side}_blocks", default, minimum=0)
    if len(channels) != len(blocks) or not blocks:
        config.fail(f"num_{side}_blocks", blocks, f"expected one for each of the {len(channels)} levels")
    if len(set(channels)) > 1:
        config.fail(
            f"{side}_block_out_channels", channels, "levels hand maps on, so all have the same channels"
        )
    return channels[0], tuple(blocks)


def _rules(net: TinyAutoencoder) -> list[Rule]:
    """Rules from places in the source's sequences of layers."""
    rules, place = [], 0
    for level, blocks in enumerate(net.encoder_blocks):
        rules.append(_layer("encoder", place, f"levels.{level}.down" if level else "conv_in"))
        rules += _blocks("encoder", place + 1, level, blocks)
        place += 1 + blocks
    rules.append(_layer("encoder", place, "conv_out"))
    rules.append(_layer("decoder", 0, "conv_in"))
    place, last = 2, len(net.decoder_blocks) - 1
    for level, blocks in enumerate(net.decoder_blocks):
        rules += _blocks("decoder", place, level, blocks)
        place += blocks + (level < last)  # an upsampling lies before the convolution
        rules.append(_layer("decoder", place, f"levels.{level}.conv" if level < last else "conv_out"))
        place += 1
    return rules


def _layer(side: str, place: int, target: str) -> Rule:
    return Rule(rf"{side}\.layers\.{place}\.((?:weight|bias))", rf"{side}.{target}.\1")


def _blocks(side: str, place: int, level: int, count: int) -> list[Rule]:
    return [
        Rule(
            rf"{side}\.layers\.{place + block}\.conv\.{2 * index}\.(.*)",
            rf"{side}.levels.{level}.blocks.{block}.conv{index + 1}.\1",
        )
        for block in range(count)
        for index in range(3)
    ]


IMPORTER = Importer(source="AutoencoderTiny", convert=convert)
