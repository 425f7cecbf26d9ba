"""Autoencoders against diffusers: moments, decoded latents and the whole, with the same weights."""

import random
from typing import Any

import diffusers
import pytest
import torch
from torch import nn

from designer.check import check
from designer.errors import UserError
from designer.importers import convert_config
from designer.importers.weights import convert
from designer.presets import build
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize

SMALL: dict[str, Any] = {
    "block_out_channels": [8, 16],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "norm_num_groups": 4,
    "latent_channels": 3,
}
# diffusers' arguments of each preset that it publishes; the size of the image is not one of them.
PUBLISHED: dict[str, dict[str, Any]] = {
    "vae-sd": {"scaling_factor": 0.18215},
    "vae-sdxl": {"scaling_factor": 0.13025},
    "vae-sd3": {"scaling_factor": 1.5305, "shift_factor": 0.0609, "latent_channels": 16},
    "vae-flux": {"scaling_factor": 0.3611, "shift_factor": 0.1159, "latent_channels": 16},
}


def drawn(seed: int) -> dict[str, Any]:
    """Return a random configuration."""
    choose = random.Random(seed)
    levels = choose.randint(1, 3)
    attends = [choose.random() < 0.3 for _ in range(2 * levels)]
    return {
        "in_channels": choose.choice([1, 3]),
        "out_channels": choose.choice([1, 3]),
        "block_out_channels": [4 * choose.randint(1, 4) for _ in range(levels)],
        "down_block_types": [f"{'Attn' * yes}DownEncoderBlock2D" for yes in attends[:levels]],
        "up_block_types": [f"{'Attn' * yes}UpDecoderBlock2D" for yes in attends[levels:]],
        "layers_per_block": choose.randint(1, 3),
        "act_fn": choose.choice(["silu", "mish", "gelu", "relu", "swish"]),
        "latent_channels": choose.randint(1, 6),
        "norm_num_groups": choose.choice([2, 4]),
        "sample_size": choose.choice([32, [64, 64]]),
        "scaling_factor": choose.uniform(0.1, 2),
        "shift_factor": choose.choice([None, 0.1, -0.2]),
        "force_upcast": choose.random() < 0.5,
        "use_quant_conv": choose.random() < 0.5,
        "use_post_quant_conv": choose.random() < 0.5,
        "mid_block_add_attention": choose.random() < 0.5,
    }


def rendered(
    arguments: dict[str, Any], state: dict[str, torch.Tensor], source: str = "AutoencoderKL"
) -> nn.Module:
    """Return the rendered model of a configuration with weights of diffusers."""
    imported = convert_config({"_class_name": source, **arguments})
    design = read_design(imported.document)
    report = check(design)
    assert report.ok, [one.message for one in report.diagnostics]
    model = load_model(render(design))().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    model.load_state_dict(convert(imported.rules, state, shapes), strict=True)
    return model


@pytest.mark.parametrize("seed", range(6))
def test_random_configurations_equal_diffusers(seed: int) -> None:
    arguments = drawn(seed)
    torch.manual_seed(seed)
    reference = randomize(diffusers.AutoencoderKL(**arguments).eval())
    model = rendered(arguments, reference.state_dict())
    images = torch.randn(2, arguments["in_channels"], 12, 20)
    with torch.no_grad():
        image, moments = model(images)
        wanted = [reference(images).sample, reference.encode(images).latent_dist.parameters]
        latent = torch.randn_like(moments.chunk(2, dim=1)[0])
        wanted.append(reference.decode(latent).sample)
        found = [image, moments, model.decoder(latent)]
    assert difference(found, wanted) < TOLERANCE
    assert sum(one.numel() for one in model.parameters()) == sum(
        one.numel() for one in reference.parameters()
    )


def test_old_names_of_attention_are_known() -> None:
    """Checkpoints of Stable Diffusion name the parts of attention as diffusers did before 0.18."""
    reference = randomize(diffusers.AutoencoderKL(**SMALL).eval())
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    old = {}
    for key, tensor in reference.state_dict().items():
        for new, before in names.items():
            key = key.replace(new, before)
        old[key] = tensor
    images = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        found = rendered(SMALL, old)(images)[0]
        assert difference([found], [reference(images).sample]) < TOLERANCE


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_are_the_published_configurations(name: str) -> None:
    quantised = PUBLISHED[name].get("latent_channels", 4) == 4
    arguments = {
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "layers_per_block": 2,
        "use_quant_conv": quantised,
        "use_post_quant_conv": quantised,
        **PUBLISHED[name],
    }
    imported = convert_config({"_class_name": "AutoencoderKL", **arguments}).document
    preset = build(name)
    assert imported["parameters"] == preset.parameters
    assert imported["training"] == {k: v for k, v in preset.training.items() if k != "sample_shape"}
    with torch.device("meta"):
        reference = diffusers.AutoencoderKL(**arguments)
    with torch.device("meta"):
        model = load_model(render(preset))()
    assert sum(one.numel() for one in reference.parameters()) == sum(
        one.numel() for one in model.parameters()
    )


TINY: dict[str, dict[str, Any]] = {
    "published": {},
    "16 latent channels": {"latent_channels": 16, "scaling_factor": 1.5305, "shift_factor": 0.0609},
    "everything else": {
        "in_channels": 1,
        "out_channels": 2,
        "encoder_block_out_channels": [8, 8],
        "num_encoder_blocks": [2, 1],
        "decoder_block_out_channels": [4, 4, 4],
        "num_decoder_blocks": [0, 2, 1],
        "act_fn": "gelu",
        "upsample_fn": "bilinear",
        "latent_channels": 3,
        "latent_magnitude": 2,
        "latent_shift": 0.4,
    },
}


@pytest.mark.parametrize("name", TINY)
def test_tiny_autoencoder_equals_diffusers(name: str) -> None:
    torch.manual_seed(0)
    reference = randomize(diffusers.AutoencoderTiny(**TINY[name]).eval())
    model = rendered(TINY[name], reference.state_dict(), "AutoencoderTiny")
    images = torch.randn(2, TINY[name].get("in_channels", 3), 16, 24)
    with torch.no_grad():
        image, latent = model(images)
        drawn = torch.randn_like(latent)
        wanted = [
            reference.encode(images).latents,
            reference.decode(latent).sample,
            reference.decode(drawn).sample,
        ]
        found = [latent, image, model.decoder(drawn)]
    assert difference(found, wanted) < TOLERANCE


def test_the_tiny_preset_is_the_default_of_the_class() -> None:
    preset = build("taesd")
    imported = convert_config({"_class_name": "AutoencoderTiny"}).document
    assert imported["parameters"] == preset.parameters
    with torch.device("meta"):
        reference = diffusers.AutoencoderTiny()
    assert sum(one.numel() for one in reference.parameters()) == 2_445_063


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"upsampling_scaling_factor": 4}, "'upsampling_scaling_factor' is 4"),
        ({"num_encoder_blocks": [1]}, "expected one for each of the 4 levels"),
        ({"decoder_block_out_channels": [64, 64, 32, 32]}, "all have the same channels"),
        ({"upsample_fn": "bicubic"}, "expected one of 'nearest', 'bilinear'"),
    ],
)
def test_what_a_tiny_one_cannot_honour_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        convert_config({"_class_name": "AutoencoderTiny", **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"down_block_types": ["DownBlock2D"] * 2}, "'DownBlock2D' is no level of an autoencoder"),
        ({"up_block_types": ["UpDecoderBlock2D"]}, "expected one for each of the 2 block_out_channels"),
        ({"act_fn": "tanh"}, "'act_fn' is 'tanh'"),
        ({"layers_per_block": 0}, "'layers_per_block' is 0"),
        ({"latents_mean": [0.0]}, "expected 3 numbers, one for each of the latent_channels"),
        ({"latents_std": [1.0, 0.0, 1.0]}, "expected numbers above 0"),
        ({"scaling_factor": 0.0}, "expected a number above 0"),
        ({"double_z": False}, "no such argument"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        convert_config({"_class_name": "AutoencoderKL", **SMALL, **arguments})
