"""The smoke-train of an autoencoder: nothing is noisy, the image is the target, a Gaussian's divergence is added."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from designer import build
from designer.errors import UserError
from designer.train import TrainOptions
from designer.train.loop import SeedRun, make_batch
from designer.train.objective import divergence
from designer.train.runner import start
from designer.wrapping.noise import Process
from tests.train.smoke_runs import job_of_design


def test_divergence_is_that_of_the_distributions() -> None:
    moments = torch.randn(3, 4, 5, 5)
    mean, log_variance = moments.chunk(2, dim=1)
    wanted = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(divergence(moments), wanted.mean((1, 2, 3)))


def test_the_clean_image_is_input_and_target() -> None:
    job = job_of_design(build("vae-tiny"), TrainOptions(steps=1, batch_size=8))
    batch = make_batch(job, 0, 0)
    assert len(batch.arguments) == 1 and torch.equal(batch.arguments[0], batch.target)
    assert torch.equal(batch.weight, torch.ones(8))


def test_divergence_is_added_with_its_weight() -> None:
    design = build("vae-tiny")
    design = replace(design, training={**design.training, "kl_weight": 0.5})
    run = SeedRun(job_of_design(design, TrainOptions(steps=1, batch_size=8)), 0, lambda event: None)
    run.model.eval()
    batch = make_batch(run.job, 0, 0)
    loss, errors = run._objective(batch)
    image, moments = run.model(*batch.arguments)
    torch.testing.assert_close(errors, (image - batch.target).square().mean((1, 2, 3)))
    torch.testing.assert_close(loss, errors.mean() + 0.5 * divergence(moments).mean())


def test_it_learns() -> None:
    design = build("vae-tiny", {"channels": [8, 16], "num_groups": 4})
    record = SeedRun(
        job_of_design(design, TrainOptions(steps=60, batch_size=8, learning_rate=3e-3)), 0, lambda event: None
    ).run()
    assert record.nonfinite is None and record.final_nloss() < 0.3


def test_noise_and_clean_samples_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="schedule 'linear': input 'x' is clean; expected none"):
        start(build("vae-tiny"), tmp_path, TrainOptions(schedule="linear"))
    with pytest.raises(UserError, match="schedule 'none': input 'x' is image; expected one that adds noise"):
        start(build("ddpm-tiny"), tmp_path, TrainOptions(schedule="none", prediction="x0"))
    with pytest.raises(UserError, match="schedule 'none' with prediction 'epsilon'"):
        Process.of({"schedule": "none", "prediction": "epsilon"})
