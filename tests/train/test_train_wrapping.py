"""Schedules, preconditionings, densities and loss weights, each against its published formula or diffusers."""

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from designer.errors import UserError
from designer.wrapping.noise import Process
from designer.wrapping.preconditioning import scalings
from designer.wrapping.schedules import alphas_cumprod, linear_alphas_cumprod, zero_terminal_snr
from designer.wrapping.weighting import target_power

SIGMA = np.array([0.002, 0.1, 0.5, 3.0, 80.0])


@pytest.mark.parametrize(("schedule", "name"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")])
def test_zero_terminal_snr_equals_diffusers(schedule: str, name: str) -> None:
    options = {"beta_start": 1e-4, "beta_end": 2e-2, "beta_schedule": name}
    theirs = DDPMScheduler(1000, rescale_betas_zero_snr=True, **options).alphas_cumprod
    ours = alphas_cumprod(schedule, 1000, True)
    assert ours[-1] == 0 and ours[0] == pytest.approx(alphas_cumprod(schedule, 1000)[0], rel=1e-12)
    # diffusers goes through betas in single precision
    assert np.allclose(np.sqrt(ours), np.sqrt(theirs.numpy()), rtol=1e-3, atol=1e-4)


def test_zero_terminal_snr_trains_velocity_to_its_end() -> None:
    process = Process.of({"zero_terminal_snr": True, "prediction": "v", "loss": "min_snr"})
    t = torch.tensor([0.0, 500.0, 999.0])
    x0, eps = torch.randn(3, 1, 2, 2), torch.randn(3, 1, 2, 2)
    assert torch.equal(process.noised(x0, eps, t)[2], eps[2])
    assert torch.equal(process.target(x0, eps, t)[2], -x0[2])
    assert process.weight(t).isfinite().all() and process.weight(t)[2] == 0


def test_sigmoid_schedule_is_its_formula() -> None:
    """The signal's square is (s(3) - s(6u - 3)) / (s(3) - s(-3)), s being the sigmoid (arXiv:2212.11972)."""
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    u = np.arange(1, 1000) / 1000
    expected = (sigmoid(3) - sigmoid(6 * u - 3)) / (sigmoid(3) - sigmoid(-3))
    ours = alphas_cumprod("sigmoid", 1000)
    assert np.allclose(ours[:-1], expected, rtol=1e-9) and 0 < ours[-1] < 1e-5
    assert np.allclose(zero_terminal_snr(linear_alphas_cumprod(100))[-1], 0)


@pytest.mark.parametrize("kind", ["edm", "vp", "ve", "v"])
def test_preconditioning_is_its_table_and_gives_back_the_image(kind: str) -> None:
    data = 0.5
    found = scalings(kind, SIGMA, data, 1000)
    total, one = SIGMA**2 + data**2, SIGMA**2 + 1
    expected = {
        "edm": (data**2 / total, SIGMA * data / total**0.5, total**-0.5, np.log(SIGMA) / 4),
        "vp": (1, -SIGMA, one**-0.5, None),
        "ve": (1, SIGMA, 1, np.log(SIGMA / 2)),
        "v": (1 / one, -SIGMA / one**0.5, one**-0.5, np.arctan(SIGMA) * 2 / np.pi),
    }[kind]
    for name, value in zip(("skip", "out", "input", "noise"), expected, strict=True):
        assert value is None or np.allclose(getattr(found, name), value, rtol=1e-12)
    process = Process.of({"preconditioning": kind})
    assert (process.schedule, process.prediction, process.loss) == ("edm", "F", "mse")
    x0, eps, t = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4), torch.tensor([10.0, 500.0, 990.0])
    x, noise, _ = process.seen(x0, eps, t)
    wrap = scalings(kind, process.alpha_sigma(t)[1].double().numpy(), data, 1000)
    skip, out, factor = (torch.tensor(one).view(3, 1, 1, 1) for one in (wrap.skip, wrap.out, wrap.input))
    denoised = skip * process.noised(x0, eps, t) + out * process.target(x0, eps, t)
    torch.testing.assert_close(denoised, x0.double(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(x, (process.noised(x0, eps, t) * factor).float(), rtol=1e-5, atol=1e-5)
    assert np.allclose(noise, wrap.noise, rtol=1e-5)


def test_noise_label_of_vp_inverts_its_noise_level() -> None:
    time = scalings("vp", SIGMA, 0.5, 1000).noise / 999
    assert np.allclose(np.sqrt(np.expm1(19.9 / 2 * time**2 + 0.1 * time)), SIGMA, rtol=1e-9)


@pytest.mark.parametrize(("kind", "prediction"), [("vp", "epsilon"), ("v", "v")])
def test_preconditioning_of_a_scaled_schedule_is_its_plain_prediction(kind: str, prediction: str) -> None:
    wrapped = Process.of({"preconditioning": kind, "schedule": "cosine"})
    plain = Process("cosine", prediction)
    x0, eps, t = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4), torch.tensor([5.0, 400.0, 900.0])
    torch.testing.assert_close(wrapped.target(x0, eps, t), plain.target(x0, eps, t), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(wrapped.seen(x0, eps, t)[0], plain.noised(x0, eps, t), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("schedule", ["edm", "linear"])
def test_edm_scalings_make_input_and_target_of_unit_variance(schedule: str) -> None:
    process = Process.of({"preconditioning": "edm", "schedule": schedule})
    generator = torch.Generator().manual_seed(0)
    x0 = 0.5 * torch.randn(3, 1, 200, 200, generator=generator)
    eps = torch.randn(x0.shape, generator=generator)
    t = torch.tensor([100.0, 500.0, 900.0])
    for tensor in (process.seen(x0, eps, t)[0], process.target(x0, eps, t)):
        assert (tensor.flatten(1).std(1) - 1).abs().max() < 0.02


def test_flow_density_is_shifted_logit_normal() -> None:
    """u ~ sigmoid(N(0.5, 0.8²)), then 3u/(1 + 2u) (arXiv:2403.03206 eq. 19 and 23)."""
    settings = {"timestep_density": "logit_normal", "logit_mean": 0.5, "logit_std": 0.8, "shift": 3.0}
    process = Process.of({"schedule": "flow", **settings})
    generator = torch.Generator().manual_seed(0)
    t, bins = process.sample_levels(8000, generator)
    level = t.double() / 1000
    logit = torch.logit(level / (3 - 2 * level))
    assert abs(float(logit.mean()) - 0.5) < 0.01 and abs(float(logit.std()) - 0.8) < 0.01
    assert torch.bincount(bins).tolist() == [1000] * 8


@pytest.mark.parametrize(
    "training",
    [
        {"schedule": "cosine"},
        {"schedule": "flow"},
        {"schedule": "flow", "timestep_density": "logit_normal", "shift": 2.0},
        {"schedule": "edm", "prediction": "x0"},
        {"schedule": "ve", "prediction": "score"},
    ],
)
def test_a_noise_range_bounds_what_is_drawn(training: dict) -> None:
    process = Process.of({**training, "noise_range": [0.05, 0.2]})
    t, bins = process.sample_levels(64, torch.Generator().manual_seed(1))
    level = process.alpha_sigma(t)[1] if process.schedule in ("edm", "ve") else t / 1000
    assert level.min() > 0.049 and 0.19 < level.max() < 0.2005
    assert set(bins.tolist()) == set(range(8))
    order = level.argsort()
    assert (bins[order].diff() >= 0).all()


@pytest.mark.parametrize(
    ("loss", "of_image"),
    [
        ("min_snr", lambda snr: np.minimum(snr, 5.0)),
        ("p2", lambda snr: snr / (1 + snr)),
        ("edm", lambda snr: (1 / snr + 0.25) / (0.25 / snr)),
    ],
)
@pytest.mark.parametrize("prediction", ["epsilon", "x0", "v", "score"])
def test_a_loss_weighs_the_image_alike_whatever_is_predicted(loss: str, of_image, prediction: str) -> None:
    process = Process.of({"schedule": "cosine", "prediction": prediction, "loss": loss})
    t = torch.tensor([1.0, 200.0, 500.0, 800.0])
    x0, off = torch.zeros(4, 1, 1, 1), 0.01
    alpha, sigma = (value.double().numpy() for value in process.alpha_sigma(t))
    wrong = {
        "epsilon": sigma / alpha, "x0": np.ones(4), "v": sigma, "score": sigma**2 / alpha,
    }[prediction] * off  # fmt: skip
    assert x0.shape[0] == 4
    expected = of_image((alpha / sigma) ** 2) * wrong**2
    assert np.allclose(process.weight(t).numpy() * off**2, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("prediction", "published"),
    [
        ("epsilon", lambda snr: np.minimum(snr, 5) / snr),
        ("v", lambda snr: np.minimum(snr, 5) / (snr + 1)),
        ("x0", lambda snr: np.minimum(snr, 5)),
    ],
)
def test_min_snr_is_as_published(prediction: str, published) -> None:
    process = Process.of({"schedule": "linear", "prediction": prediction, "loss": "min_snr"})
    t = torch.arange(0.0, 1000.0, 37)
    alpha, sigma = process.levels(t.double().numpy())
    assert np.allclose(process.weight(t).numpy(), published((alpha / sigma) ** 2), rtol=1e-5)


def test_a_score_is_weighted_by_its_noise_unless_said_otherwise() -> None:
    t = torch.tensor([0.0, 500.0, 999.0])
    process = Process.of({"schedule": "ve", "prediction": "score"})
    torch.testing.assert_close(process.weight(t), process.alpha_sigma(t)[1] ** 2)
    plain = Process.of({"schedule": "ve", "prediction": "score", "loss": "mse"})
    assert plain.weight(t).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"zero_terminal_snr": True}, "zero_terminal_snr .* prediction v or x0"),
        ({"prediction": "v", "preconditioning": "edm"}, "prediction is \"F\""),
        ({"schedule": "linear", "shift": 3.0}, "belong to the flow schedule"),
        ({"noise_range": [0.5, 0.2]}, "noise_range: received .0.5, 0.2.; expected"),
        ({"noise_range": [0.0, 20.0]}, "at most 1"),
        ({"loss": "huber"}, "loss: received 'huber'; expected one of mse"),
        ({"sigma_std": 0}, "sigma_std: received 0; expected a number above 0"),
        ({"p2_gamma": "one"}, "p2_gamma: expected a number, received a string"),
    ],
)  # fmt: skip
def test_settings_that_have_no_meaning_are_refused(training: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Process.of(training)


@pytest.mark.parametrize(
    "training",
    [
        {"schedule": "cosine", "prediction": "v"},
        {"schedule": "flow"},
        {"schedule": "ve", "prediction": "score"},
        {"schedule": "edm", "prediction": "x0"},
        *({"schedule": "edm", "preconditioning": kind, "sigma_data": 0.8} for kind in ("edm", "ve", "v")),
    ],
)
def test_the_mean_square_of_a_target_is_as_said(training: dict) -> None:
    process = Process.of(training)
    generator = torch.Generator().manual_seed(0)
    x0 = process.sigma_data * torch.randn(3, 1, 250, 250, generator=generator)
    eps = torch.randn(x0.shape, generator=generator)
    t = torch.tensor([50.0, 500.0, 950.0])
    measured = process.target(x0, eps, t).double().square().flatten(1).mean(1)
    expected = target_power(process, *process.levels(t.double().numpy()))
    assert np.allclose(measured, expected, rtol=0.02)
