"""NCSN++ (Song et al. 2020): filtered resampling, images beside the trunk on the way down and up, sums over √2."""

from functools import partial

from designer.presets import Preset
from designer.presets.graph import Json, integer
from designer.presets.pixel_parts import ADAPTIVE, Style
from designer.presets.pixel_unet import Level, PixelUNet, multiple, unet

REFERENCE = "Song et al. 2020, arXiv:2011.13456"
DOC = "The U-Net of NCSN++: estimates the score of images x with noise of standard deviation σ."

STYLE = Style(
    REFERENCE,
    shared=(),
    groups=ADAPTIVE,
    attn_groups=ADAPTIVE,
    output_scale="1/sqrt(2)",
    init="xavier_uniform",
    resamples=True,
    project=("FIRDownsample", "FIRUpsample"),
)


def ncsnpp(
    multipliers: tuple[int, ...], attention: tuple[int, ...], channels: int, blocks: int, size: int
) -> Json:
    """Return the document: channel multiplier of each level, levels with attention, sizes."""
    levels = tuple(
        Level(multiple(factor), "skip", "skip", attention=index in attention, late=True)
        for index, factor in enumerate(multipliers)
    )
    parameters = {
        "image_channels": integer("channels of the image", 3),
        "channels": integer("channels of the first level", channels),
        "num_blocks": integer("residual blocks of an encoder level", blocks, 1, 16),
    }
    net = PixelUNet(
        STYLE,
        levels,
        parameters,
        embed=("GaussianFourier", {"dim": "2*channels"}),
        embed_port="sigma",
        time_role="sigma",
        divide=True,
        norm_out=ADAPTIVE.format(c="channels"),
        in_channels="image_channels",
        out_channels="image_channels",
        names={"t": "sigma"},
    )
    training = {"prediction": "score", "schedule": "ve", "sample_shape": [3, size, size]}
    return unet(net, "NCSN++", DOC, training, "score")


PRESETS = (
    Preset(
        id="ncsnpp-tiny",
        family="ncsnpp",
        title="NCSN++, tiny (16×16 images)",
        summary="An NCSN++ of three levels with both pyramids of images.",
        reference=REFERENCE,
        document=partial(ncsnpp, (1, 2, 2), (1,), 32, 1, 16),
    ),
    Preset(
        id="ncsnpp-celebahq-256",
        family="ncsnpp",
        title="NCSN++, CelebA-HQ 256×256",
        summary="The published 65.6 M parameter network, 128 of them frozen: 7 levels, attention at 16×16.",
        reference=REFERENCE,
        document=partial(ncsnpp, (1, 1, 2, 2, 2, 2, 2), (4,), 128, 2, 256),
        published=65_574_549,
    ),
)
