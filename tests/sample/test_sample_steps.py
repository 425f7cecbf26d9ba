"""Each sampler, step by step, against the schedulers of diffusers."""

import numpy as np
import pytest
import torch

from designer.sample.samplers import STEPS, estimate
from designer.sample.schedule import CLEAN, levels
from designer.wrapping.noise import Process

SHAPE = (2, 3, 4, 4)
BETAS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "x0": "sample"}


def _network(x, t, channels=3):
    """Any smooth function of x and t, so that an error in one step shows in the next."""
    wide = np.concatenate([x] * (channels // 3), axis=1)
    return np.tanh(0.7 * wide + 0.001 * t).astype(np.float32)


def _ours(sampler, schedule, prediction, steps, clip, draws, channels=3):
    x, states = draws[0], []
    process = Process(schedule, prediction)
    visited = levels(process, steps)
    for index, (level, lower) in enumerate(zip(visited, [*visited[1:], CLEAN], strict=True)):
        known = estimate(x, _network(x, level.t, channels), level, process, clip)
        x = STEPS[sampler](x, known, level, lower, draws[index + 1]).astype(np.float32)
        states.append((level.t, x))
    return states


def _draws(steps):
    generator = np.random.default_rng(0)
    return [generator.standard_normal(SHAPE, dtype=np.float32) for _ in range(steps + 1)]


def _theirs(scheduler, draws, monkeypatch, channels=3):
    x, states = torch.from_numpy(draws[0]), []
    given = iter(draws[1:])
    fed = lambda *_, **__: torch.from_numpy(next(given))  # noqa: E731
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", fed)
    for t in scheduler.timesteps:
        output = torch.from_numpy(_network(x.numpy(), float(t), channels))
        x = scheduler.step(output, t, x).prev_sample.float()
        states.append((float(t), x.numpy()))
    return states


def _settings(schedule, prediction, clip):
    return {
        "beta_start": 1e-4,
        "beta_end": 2e-2,
        "beta_schedule": BETAS[schedule],
        "prediction_type": PREDICTIONS[prediction],
        "clip_sample": clip,
        "timestep_spacing": "leading" if prediction == "epsilon" else "trailing",
    }


def _same(ours, theirs, tolerance):
    for (t, x), (their_t, their_x) in zip(ours, theirs, strict=True):
        assert t == pytest.approx(their_t, abs=1e-3)
        assert np.abs(x - their_x).max() <= tolerance * max(1.0, np.abs(their_x).max())


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("prediction", list(PREDICTIONS))
@pytest.mark.parametrize("schedule", list(BETAS))
@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_each_step_equals_diffusers(sampler, schedule, prediction, clip, monkeypatch):
    from diffusers import DDIMScheduler, DDPMScheduler

    scheduler = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[sampler](
        **_settings(schedule, prediction, clip)
    )
    scheduler.set_timesteps(20)
    # the noise that agrees with a clipped image, as the papers' code has it
    draws = _draws(20)
    ours = _ours(sampler, schedule, prediction, 20, clip, draws)
    if sampler == "ddim" and clip:
        step = scheduler.step
        scheduler.step = lambda *a: step(*a, use_clipped_model_output=True)
    _same(ours, _theirs(scheduler, draws, monkeypatch), 2e-4)


def test_a_learned_variance_equals_diffusers(monkeypatch):
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(**_settings("linear", "epsilon", False), variance_type="learned_range")
    scheduler.set_timesteps(20)
    draws = _draws(20)
    ours = _ours("ddpm", "linear", "epsilon", 20, False, draws, channels=6)
    _same(ours, _theirs(scheduler, draws, monkeypatch, channels=6), 2e-4)


@pytest.mark.parametrize("sampler", ["euler", "ddim"])
def test_flow_steps_equal_diffusers(sampler, monkeypatch):
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=np.linspace(1, 0, 21)[:-1])
    draws = _draws(20)
    _same(_ours(sampler, "flow", "flow", 20, False, draws), _theirs(scheduler, draws, monkeypatch), 1e-5)


@pytest.mark.parametrize("prediction", ["epsilon", "x0"])
def test_a_flow_with_a_perfect_network_ends_at_the_image(prediction):
    image = np.full((1, 1, 2, 2), 0.25, dtype=np.float32)
    x = np.random.default_rng(0).standard_normal(image.shape, dtype=np.float32)
    process = Process("flow", prediction)
    visited = levels(process, 10)
    for level, lower in zip(visited, [*visited[1:], CLEAN], strict=True):
        output = image if prediction == "x0" else (x - level.alpha * image) / level.sigma
        known = estimate(x, output.astype(np.float32), level, process, clip=False)
        x = STEPS["euler"](x, known, level, lower, x)
    assert np.abs(x - image).max() < 1e-3


def test_noise_levels_of_edm_equal_diffusers():
    from diffusers import EDMEulerScheduler

    scheduler = EDMEulerScheduler()
    scheduler.set_timesteps(18)
    ours = [level.sigma for level in levels(Process("edm", "x0"), 18)]
    assert np.allclose(ours, scheduler.sigmas[:-1].numpy(), rtol=1e-5)


@pytest.mark.parametrize("sampler", ["euler", "ddpm"])
@pytest.mark.parametrize(("schedule", "prediction"), [("edm", "x0"), ("ve", "score")])
def test_exploding_noise_with_a_perfect_network_ends_at_the_image(sampler, schedule, prediction):
    image = np.full((1, 1, 2, 2), 0.25, dtype=np.float32)
    process = Process(schedule, prediction)
    visited = levels(process, 10)
    x = visited[0].sigma * np.random.default_rng(0).standard_normal(image.shape, dtype=np.float32)
    for level, lower in zip(visited, [*visited[1:], CLEAN], strict=True):
        output = image if prediction == "x0" else (image - x) / level.sigma**2
        known = estimate(x.astype(np.float32), output.astype(np.float32), level, process, clip=False)
        x = STEPS[sampler](x, known, level, lower, np.zeros_like(x))
    assert np.abs(x - image).max() < 1e-3
