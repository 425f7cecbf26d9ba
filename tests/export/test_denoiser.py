"""Networks of diffusers imported, exported, and put back into diffusers' own pipelines: the same picture."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DiTPipeline,
    DiTTransformer2DModel,
    UNet2DModel,
)

from designer.cli import main
from designer.document import load
from designer.errors import UserError
from designer.export import export_onnx
from designer.export.denoiser import OnnxDenoiser

UNET = {
    "sample_size": 16,
    "in_channels": 3,
    "out_channels": 3,
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "block_out_channels": (32, 64),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}
DIT = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "in_channels": 4,
    "out_channels": 8,
    "num_layers": 2,
    "sample_size": 8,
    "patch_size": 2,
    "num_embeds_ada_norm": 1000,
}


def exported(model, folder: Path) -> Path:
    """Save a model as diffusers does, import it with its weights, export it."""
    with torch.no_grad():  # layers that start at zero take part
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    model.save_pretrained(folder / "hub")
    weights = folder / "weights.safetensors"
    source, design = str(folder / "hub"), str(folder / "design.json")
    found = str(next((folder / "hub").glob("*.safetensors")))
    assert main(["import", source, "-o", design, "--weights", found, "--weights-out", str(weights)]) == 0
    export_onnx(load(design), folder / "export", weights, check=False)
    return folder / "export"


@pytest.fixture(scope="module")
def unet(tmp_path_factory):
    torch.manual_seed(0)
    model = UNet2DModel(**UNET).eval()
    return model, exported(model, tmp_path_factory.mktemp("unet"))


@pytest.fixture(scope="module")
def dit(tmp_path_factory):
    torch.manual_seed(0)
    model = DiTTransformer2DModel(**DIT).eval()
    return model, exported(model, tmp_path_factory.mktemp("dit"))


@pytest.mark.parametrize("scheduler", [DDPMScheduler, DDIMScheduler])
def test_ddpm_pipeline_draws_the_same_picture(unet, scheduler) -> None:
    model, folder = unet
    pictures = []
    for network in (model, OnnxDenoiser(folder, "cpu", threads=1)):
        pipeline = DDPMPipeline(unet=network, scheduler=scheduler())
        pipeline.set_progress_bar_config(disable=True)
        generator = torch.Generator().manual_seed(3)
        drawn = pipeline(batch_size=2, generator=generator, num_inference_steps=8, output_type="np")
        pictures.append(drawn.images)
    assert pictures[0].shape == (2, 16, 16, 3) and pictures[0].std() > 0.05
    np.testing.assert_allclose(pictures[1], pictures[0], atol=1e-3)


def test_dit_pipeline_draws_the_same_picture(dit) -> None:
    model, folder = dit
    torch.manual_seed(0)
    vae = AutoencoderKL(block_out_channels=(32,), latent_channels=4, sample_size=8).eval()
    pictures = []
    for network in (model, OnnxDenoiser(folder, "cpu", threads=1)):
        pipeline = DiTPipeline(transformer=network, vae=vae, scheduler=DDIMScheduler())
        pipeline.set_progress_bar_config(disable=True)
        generator = torch.Generator().manual_seed(3)
        drawn = pipeline([1, 7], generator=generator, num_inference_steps=6, output_type="np")
        pictures.append(drawn.images)
    assert pictures[0].std() > 0.01
    np.testing.assert_allclose(pictures[1], pictures[0], atol=1e-3)


def test_what_pipelines_read_and_pass(unet, dit) -> None:
    denoiser = OnnxDenoiser(unet[1], "cpu", patch_size=2)
    config = denoiser.config
    assert (config.sample_size, config.in_channels, config.out_channels, config.patch_size) == (16, 3, 3, 2)
    x = torch.randn(3, 3, 16, 8, dtype=torch.float64)
    with torch.no_grad():
        want = unet[0](x.float(), 5).sample
    for timestep in (5, 5.0, torch.tensor(5), torch.tensor([5]), torch.full((3,), 5)):
        found = denoiser(x, timestep).sample
        assert found.dtype == torch.float64
        torch.testing.assert_close(found.float(), want, atol=1e-4, rtol=1e-4)
    assert torch.equal(denoiser(sample=x, timestep=5, return_dict=False)[0], found)
    assert denoiser.to("cpu") is denoiser and denoiser.dtype == torch.float32
    with pytest.raises(UserError, match="class_labels: this network has no such input; it takes sample"):
        denoiser(x, 5, class_labels=torch.zeros(3))
    with pytest.raises(UserError, match=r"\(class\) is missing"):
        OnnxDenoiser(dit[1], "cpu")(torch.zeros(1, 4, 8, 8), timestep=5)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps({}))
    with pytest.raises(UserError, match=r"not a report of `designer export`"):
        OnnxDenoiser(tmp_path)
