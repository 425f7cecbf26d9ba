"""Latents of a diffusers autoencoder, and the sensitivity of its decoder against the Jacobian itself."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import save_file

from designer import build
from designer.autoencoder import Autoencoder, Scaling, find_autoencoder, load_autoencoder
from designer.document import save
from designer.errors import UserError
from designer.train import TrainOptions
from designer.train.autoencoder import channel_weights, decoder_sensitivity, latent_data
from designer.train.data import Dataset, load_data
from designer.train.loop import make_batch
from tests.train.smoke_runs import job_of_design


def scales(z: torch.Tensor) -> torch.Tensor:
    return z * torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1)


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
    found = find_autoencoder(folder)
    assert (found.factor, found.channels, found.image_channels) == (2, 2, 1)
    autoencoder = load_autoencoder(found)
    digits = load_data(TrainOptions(), (1, 8, 8))
    data = latent_data(autoencoder, digits)
    assert data.samples.shape == (1797, 2, 4, 4) and "latents of 1797 handwritten digits" in data.description
    model = AutoencoderKL.from_pretrained(folder)
    images = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        latents = autoencoder.encode(images)
        torch.testing.assert_close(latents, model.encode(images).latent_dist.mean * 0.5)
        torch.testing.assert_close(autoencoder.decode(latents), model.decode(latents / 0.5).sample)


def test_latents_without_moments_are_as_the_encoder_gives_them(tmp_path: Path) -> None:
    model = AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 2),
        num_decoder_blocks=(2, 1),
        scaling_factor=0.5,
    )
    model.save_pretrained(tmp_path)
    autoencoder, images = load_autoencoder(find_autoencoder(tmp_path)), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        latents = autoencoder.encode(images)
        torch.testing.assert_close(latents, model.encode(images).latents * 0.5)
        torch.testing.assert_close(autoencoder.decode(latents), model.decode(latents / 0.5).sample)


def test_scaling_is_undone() -> None:
    """(z - mean - shift) * scale / std: what pipelines of SD3 (shift) and of Playground (mean, std) do."""
    z = torch.randn(2, 2, 3, 3)
    scaling = Scaling(0.5, 0.1, (1.0, -1.0), (2.0, 4.0))
    mean, std = torch.tensor([1.0, -1.0]).view(1, 2, 1, 1), torch.tensor([2.0, 4.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(scaling.apply(z), (z - mean - 0.1) * 0.5 / std)
    torch.testing.assert_close(scaling.undo(scaling.apply(z)), z)
    said = {"scaling_factor": 0.5, "shift_factor": 0.1, "latents_mean": [1, -1], "latents_std": [2, 4]}
    assert Scaling.of(said) == scaling and Scaling.of({}) == Scaling()


def test_what_is_no_autoencoder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"its latents are \[2, h, w\], but the design takes \[4, 4, 4\]"):
        find_autoencoder(folder).require((4, 4, 4), "the design takes")
    with pytest.raises(UserError, match=r"holds neither config\.json .* nor design\.json"):
        TrainOptions(autoencoder=str(folder.parent))
    with pytest.raises(UserError, match="no such folder"):
        TrainOptions(autoencoder=str(tmp_path / "nowhere"))
    save(build("dit-tiny"), tmp_path / "design.json")
    with pytest.raises(UserError, match=r"no weights\.safetensors; train it first"):
        find_autoencoder(tmp_path)
    save_file({}, tmp_path / "weights.safetensors")
    with pytest.raises(
        UserError, match="puts out out: prediction; expected an image, and moments or a latent"
    ):
        find_autoencoder(tmp_path)
    save(build("vae-tiny"), tmp_path / "design.json")
    with pytest.raises(
        UserError, match=r"the weights do not fit the design: encoder\.conv_in\.weight: is missing"
    ):
        load_autoencoder(find_autoencoder(tmp_path))


def test_sensitivity_is_that_of_the_jacobian() -> None:
    """For a decoder that scales channels by 1, 2, 3 the image moves by 1, 4, 9, wherever the latent is."""
    autoencoder = Autoencoder(lambda x: x, scales)
    found = decoder_sensitivity(autoencoder, torch.randn(20, 3, 4, 4))
    torch.testing.assert_close(found * 3, torch.tensor([1.0, 4, 9]).expand(20, 3), rtol=1e-3, atol=0)


@pytest.mark.parametrize("how", ["decoder", "adaptive"])
def test_weights_from_the_decoder_have_mean_one_and_reach_the_batch(folder: Path, how: str) -> None:
    found = load_autoencoder(find_autoencoder(folder))
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
