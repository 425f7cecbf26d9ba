"""Latents of a diffusers autoencoder, and the sensitivity of its decoder against the Jacobian itself."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from designer import build
from designer.errors import UserError
from designer.train import TrainOptions
from designer.train.autoencoder import (
    Autoencoder,
    channel_weights,
    decoder_sensitivity,
    latent_data,
    load_autoencoder,
)
from designer.train.data import Dataset
from designer.train.loop import make_batch
from tests.train.smoke_runs import job_of_design


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    model = AutoencoderKL(
        1, 1, block_out_channels=(8, 16), norm_num_groups=4, latent_channels=2, scaling_factor=0.5, **blocks
    )
    path = tmp_path_factory.mktemp("vae")
    model.save_pretrained(path)
    return path


def test_latents_are_scaled_means_and_decode_to_images(folder: Path) -> None:
    found = load_autoencoder(folder)
    data = latent_data(found, TrainOptions(), (2, 4, 4))
    assert data.samples.shape == (1797, 2, 4, 4) and "digits" in data.description
    model = AutoencoderKL.from_pretrained(folder)
    images = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        latents = found.encode(images)
        torch.testing.assert_close(latents, model.encode(images).latent_dist.mean * 0.5)
        torch.testing.assert_close(found.decode(latents), model.decode(latents / 0.5).sample)
    with pytest.raises(UserError, match=r"have 2 channels, the design takes \[4, 4, 4\]"):
        latent_data(found, TrainOptions(), (4, 4, 4))
    with pytest.raises(UserError, match=r"holds no config\.json"):
        load_autoencoder(folder.parent)


def test_sensitivity_is_that_of_the_jacobian() -> None:
    """For a decoder that scales channels by 1, 2, 3 the image moves by 1, 4, 9, wherever the latent is."""

    class Scales(torch.nn.Module):
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.conv2d(z, torch.tensor([1.0, 2, 3]).view(3, 1, 1, 1), groups=3)

    autoencoder = Autoencoder(None, 1.0, 0.0, 1, 3, 3)
    object.__setattr__(autoencoder, "decode", Scales().decode)
    found = decoder_sensitivity(autoencoder, torch.randn(20, 3, 4, 4))
    torch.testing.assert_close(found * 3, torch.tensor([1.0, 4, 9]).expand(20, 3), rtol=1e-3, atol=0)


@pytest.mark.parametrize("how", ["decoder", "adaptive"])
def test_weights_from_the_decoder_have_mean_one_and_reach_the_batch(folder: Path, how: str) -> None:
    found = load_autoencoder(folder)
    latents = found.encode(torch.randn(12, 1, 8, 8))
    weights = channel_weights({"channel_weighting": how}, (2, 4, 4), found, latents)
    assert weights is not None and weights.shape == ((2,) if how == "decoder" else (12, 2))
    torch.testing.assert_close(weights.mean(-1), torch.ones(weights.shape[:-1]))
    design = build("dit-tiny")
    job = replace(job_of_design(design, TrainOptions(steps=1, batch_size=8)), channels=weights)
    job = replace(job, data=Dataset(job.data.samples[:12], job.data.labels[:12], ""))
    batch = make_batch(job, 0, 0)
    assert batch.channels is not None
    assert batch.channels.shape == ((2,) if how == "decoder" else (8, 2))
    with pytest.raises(UserError, match="asks a decoder; name an autoencoder"):
        channel_weights({"channel_weighting": how}, (2, 4, 4), None, latents)
