"""The diffusers target: saved and loaded as models of diffusers are, and driven by its own pipelines."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDPMPipeline, DDPMScheduler, DiTPipeline, FlowMatchEulerDiscreteScheduler

from designer.errors import UserError
from designer.presets import build
from designer.render import render, write
from designer.targets.diffusers import scheduler_config
from designer.wrapping.noise import Process
from designer.wrapping.schedules import alphas_cumprod
from tests.targets.folders import python


@contextmanager
def loaded(preset: str, folder: Path, **parameters: Any) -> Iterator[Any]:
    """The class of a preset rendered for diffusers, imported from its folder."""
    design = build(preset, parameters)
    channels = parameters.get("in_channels", design.training["sample_shape"][0])
    shape = [channels, *design.training["sample_shape"][1:]]
    rendering = render(replace(design, training={**design.training, "sample_shape": shape}), "diffusers")
    write(rendering, folder)
    names = ("model", "diffusers_model")
    sys.path.insert(0, str(folder))
    try:
        yield getattr(importlib.import_module("diffusers_model"), f"Diffusers{rendering.class_name}")
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)


def test_ddpm_pipeline_draws_what_the_loaded_model_draws(tmp_path: Path) -> None:
    with loaded("ddpm-tiny", tmp_path) as kind:
        torch.manual_seed(0)
        model = kind().eval()
        model.save_pretrained(tmp_path / "saved")
        again = kind.from_pretrained(tmp_path / "saved").eval()
        assert (
            again.config.in_channels == 1 and again.config.sample_size == 16 and again.config.channels == 32
        )
        scheduler = DDPMScheduler.from_pretrained(tmp_path / "scheduler")
        pictures = []
        for one in (model, again):
            pipeline = DDPMPipeline(one, scheduler)
            pipeline.set_progress_bar_config(disable=True)
            generator = torch.Generator().manual_seed(0)
            pictures.append(pipeline(1, generator, num_inference_steps=3, output_type="np").images)
        assert pictures[0].shape == (1, 16, 16, 1) and (pictures[0] == pictures[1]).all()


def test_dit_pipeline_takes_a_rendered_dit(tmp_path: Path) -> None:
    with loaded("dit-tiny", tmp_path, in_channels=4, out_channels=4, num_classes=1000) as kind:
        torch.manual_seed(0)
        vae = AutoencoderKL(latent_channels=4, norm_num_groups=8, block_out_channels=(8,)).eval()
        pipeline = DiTPipeline(kind().eval(), vae, DDPMScheduler.from_pretrained(tmp_path / "scheduler"))
        pipeline.set_progress_bar_config(disable=True)
        images = pipeline([1, 2], num_inference_steps=2, output_type="np").images
        assert images.shape == (2, 16, 16, 3)


@pytest.mark.parametrize("preset", ["sd-tiny", "sd3-tiny", "flux-tiny", "pixart-tiny"])
def test_other_inputs_have_the_names_of_pipelines(preset: str, tmp_path: Path) -> None:
    with loaded(preset, tmp_path) as kind:
        code = set(kind.forward.__code__.co_varnames)
        assert "timestep" in code and "encoder_hidden_states" in code
        kind()
    python(
        tmp_path, "-m", "ruff", "check", "--no-cache", "--line-length", "110", "--select", "F,W,I,B,UP", "."
    )
    python(tmp_path, "-m", "ruff", "format", "--no-cache", "--line-length", "110", "--check", ".")


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_scheduler_holds_the_designs_table(schedule: str) -> None:
    config = scheduler_config(Process.of({"schedule": schedule, "prediction": "v"}))
    scheduler = DDPMScheduler.from_config(config)
    expected = torch.from_numpy(alphas_cumprod(schedule, 1000)).float()
    torch.testing.assert_close(scheduler.alphas_cumprod, expected, rtol=1e-3, atol=1e-5)


def test_a_flow_has_the_scheduler_of_flows() -> None:
    config = scheduler_config(Process.of({"schedule": "flow", "prediction": "flow", "shift": 3.0}))
    assert config is not None and FlowMatchEulerDiscreteScheduler.from_config(config).config.shift == 3.0
    assert scheduler_config(Process.of({"schedule": "sigmoid", "prediction": "epsilon"})) is None


def test_a_network_that_is_told_sigma_is_refused() -> None:
    with pytest.raises(UserError, match="role sigma"):
        render(build("edm2-tiny"), "diffusers")
