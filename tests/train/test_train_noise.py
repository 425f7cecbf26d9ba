"""The forward process against diffusers' schedulers and the targets' definitions."""

import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler

from designer.errors import UserError
from designer.wrapping.noise import BINS, Process, per_bin
from designer.wrapping.schedules import cosine_alphas_cumprod, linear_alphas_cumprod


@pytest.mark.parametrize("timesteps", [100, 1000])
def test_schedules_equal_diffusers(timesteps: int) -> None:
    linear = DDPMScheduler(timesteps, beta_start=1e-4, beta_end=2e-2, beta_schedule="linear").alphas_cumprod
    cosine = DDPMScheduler(timesteps, beta_schedule="squaredcos_cap_v2").alphas_cumprod
    torch.testing.assert_close(
        torch.tensor(linear_alphas_cumprod(timesteps)).float(), linear, rtol=1e-4, atol=1e-8
    )
    torch.testing.assert_close(
        torch.tensor(cosine_alphas_cumprod(timesteps)).float(), cosine, rtol=1e-4, atol=1e-8
    )


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_noising_and_velocity_equal_diffusers(schedule: str) -> None:
    name = {"linear": "linear", "cosine": "squaredcos_cap_v2"}[schedule]
    scheduler = DDPMScheduler(1000, beta_start=1e-4, beta_end=2e-2, beta_schedule=name)
    x0, eps, t = torch.randn(4, 3, 8, 8), torch.randn(4, 3, 8, 8), torch.tensor([0, 250, 600, 999])
    process = Process(schedule, "v")
    torch.testing.assert_close(
        process.noised(x0, eps, t), scheduler.add_noise(x0, eps, t), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        process.target(x0, eps, t), scheduler.get_velocity(x0, eps, t), rtol=1e-4, atol=1e-5
    )


def test_flow_equals_diffusers() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(1000)
    t = scheduler.timesteps[[10, 400, 900]]
    x0, eps = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    process = Process("flow", "flow")
    torch.testing.assert_close(process.noised(x0, eps, t), scheduler.scale_noise(x0, t, eps))
    torch.testing.assert_close(process.target(x0, eps, t), eps - x0)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_targets_give_back_the_image(schedule: str) -> None:
    """Each target, with x_t, determines x0 as its definition says."""
    x0, eps, t = torch.randn(5, 1, 4, 4), torch.randn(5, 1, 4, 4), torch.tensor([3.0, 100, 300, 500, 700])
    x0, eps = x0.double(), eps.double()
    process = Process(schedule, "v")
    alpha, sigma = (v.double().view(-1, 1, 1, 1) for v in process.alpha_sigma(t))
    xt = process.noised(x0, eps, t)
    torch.testing.assert_close(alpha * xt - sigma * process.target(x0, eps, t), x0, rtol=1e-5, atol=1e-5)
    epsilon = Process(schedule, "epsilon").target(x0, eps, t)
    torch.testing.assert_close((xt - sigma * epsilon) / alpha, x0, rtol=1e-5, atol=1e-5)
    assert Process(schedule, "x0").target(x0, eps, t) is x0


@pytest.mark.parametrize("schedule", ["edm", "ve"])
def test_exploding_schedules_leave_the_image_unscaled(schedule: str) -> None:
    """The score gives back the image, and its weighted error is that of the noise."""
    x0, eps, t = torch.randn(4, 1, 4, 4), torch.randn(4, 1, 4, 4), torch.tensor([0.0, 250, 700, 999])
    process = Process(schedule, "score")
    alpha, sigma = (value.view(-1, 1, 1, 1) for value in process.alpha_sigma(t))
    assert (alpha == 1).all() and (sigma.flatten().diff() > 0).all()
    score = process.target(x0, eps, t)
    torch.testing.assert_close(process.noised(x0, eps, t) + sigma**2 * score, x0, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(process.weight(t).view(-1, 1, 1, 1) * score**2, eps**2)


def test_edm_draws_log_normal_noise_levels() -> None:
    log_sigma = Process("edm", "x0").alpha_sigma(torch.arange(1000.0))[1].log()
    assert abs(float(log_sigma.mean()) + 1.2) < 1e-3 and abs(float(log_sigma.std()) - 1.2) < 1e-2


@pytest.mark.parametrize(("count", "schedule"), [(16, "linear"), (64, "cosine"), (16, "flow")])
def test_every_batch_holds_every_bin_equally(count: int, schedule: str) -> None:
    process = Process(schedule, "flow" if schedule == "flow" else "epsilon")
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        t, bins = process.sample_levels(count, generator)
        assert torch.bincount(bins, minlength=BINS).tolist() == [count // BINS] * BINS
        assert ((t >= bins * 125) & (t < (bins + 1) * 125)).all()
        assert schedule == "flow" or (t == t.floor()).all()


def test_small_batches_favour_no_bin() -> None:
    generator = torch.Generator().manual_seed(0)
    counts = sum(
        torch.bincount(Process("linear", "epsilon").sample_levels(3, generator)[1], minlength=BINS)
        for _ in range(800)
    )
    assert (counts - 300).abs().max() < 60


def test_per_bin_means() -> None:
    values, bins = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0, 0, 7])
    result = per_bin(values, bins)
    assert result[0] == 2 and result[7] == 5 and result[1:7].isnan().all()


@pytest.mark.parametrize(
    ("training", "schedule", "prediction", "expected"),
    [
        ({}, None, None, ("linear", "epsilon")),
        ({"prediction": "v", "schedule": "cosine"}, None, None, ("cosine", "v")),
        ({"prediction": "flow"}, None, None, ("flow", "flow")),
        ({}, "flow", None, ("flow", "flow")),
        ({"prediction": "epsilon"}, "cosine", "x0", ("cosine", "x0")),
    ],
)
def test_process_of_a_design(training: dict, schedule: str, prediction: str, expected: tuple) -> None:
    process = Process.of(training, schedule, prediction)
    assert (process.schedule, process.prediction) == expected


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"prediction": "noise"}, "'noise'"),
        ({"schedule": "sqrt"}, "'sqrt'"),
        ({"schedule": "linear", "prediction": "flow"}, "do not fit"),
        ({"schedule": "flow", "prediction": "v"}, "do not fit"),
        ({"timesteps": 4}, "timesteps"),
    ],
)
def test_process_refuses(training: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Process.of(training)
