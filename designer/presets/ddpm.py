"""The DDPM U-Net (Ho et al. 2020): residual blocks with additive time embedding, attention at 16×16."""

from functools import partial

from designer.presets import Preset
from designer.presets.graph import Json, integer
from designer.presets.pixel_parts import SHARED, Style
from designer.presets.pixel_unet import Level, PixelUNet, multiple, unet

REFERENCE = "Ho, Jain & Abbeel 2020, arXiv:2006.11239"
DOC = "The U-Net of denoising diffusion probabilistic models: predicts the noise in x at timestep t."


def ddpm(
    multipliers: tuple[int, ...], attention_levels: tuple[int, ...], image_channels: int, channels: int,
    num_groups: int, dropout: float, size: int,
) -> Json:  # fmt: skip
    """Return the document of a DDPM U-Net: channel multiplier of each level, levels with attention, sizes."""
    levels = tuple(
        Level(multiple(factor), attention=k in attention_levels) for k, factor in enumerate(multipliers)
    )
    parameters = {
        "image_channels": integer("channels of the image", image_channels),
        "channels": integer("channels of the first level", channels),
        "num_blocks": integer("residual blocks a level", 2, 1, 16),
        "num_groups": integer("groups of the normalisations", num_groups),
        "dropout": {**SHARED["dropout"], "default": dropout},
    }
    training = {
        "prediction": "epsilon", "schedule": "linear", "timesteps": 1000, "sample_shape": [image_channels, size, size],
    }  # fmt: skip
    net = PixelUNet(
        Style(REFERENCE, init="xavier_uniform"),
        levels,
        parameters,
        in_channels="image_channels",
        out_channels="image_channels",
    )
    return unet(net, "DDPM U-Net", DOC, training, "eps")


PRESETS = (
    Preset(
        id="ddpm-tiny",
        family="ddpm",
        title="DDPM U-Net, tiny (16×16 digits)",
        summary="A DDPM U-Net of three levels that learns scikit-learn's digits on a CPU in minutes.",
        reference=REFERENCE,
        document=partial(ddpm, (1, 2, 2), (1, 2), 1, 32, 8, 0.0, 16),
    ),
    Preset(
        id="ddpm-cifar10",
        family="ddpm",
        title="DDPM U-Net, CIFAR-10 32×32",
        summary="The published 35.7 M parameter network: 4 levels, attention at 16×16.",
        reference=REFERENCE,
        document=partial(ddpm, (1, 2, 2, 2), (1,), 3, 128, 32, 0.1, 32),
        published=35_746_307,
    ),
    Preset(
        id="ddpm-celebahq-256",
        family="ddpm",
        title="DDPM U-Net, CelebA-HQ and LSUN 256×256",
        summary="The published 113.7 M parameter network: 6 levels, attention at 16×16.",
        reference=REFERENCE,
        document=partial(ddpm, (1, 1, 2, 2, 4, 4), (4,), 3, 128, 32, 0.0, 256),
        published=113_673_219,
    ),
)
