"""Weights of streams against their formulas."""

import math

import pytest
import torch

from designer import expressions
from designer.catalogue import catalogue
from tests.blocks.loading import target


@pytest.mark.parametrize(
    ("block", "arguments", "expected"),
    [
        ("ExponentialGate", {"level": 3, "kappa": 0.9, "rate": 0.5}, 0.9 * 0.5**3),
        ("ScaleLongConstant", {"level": 1, "kappa": 0.7}, 1.0),
        ("ScaleLongConstant", {"level": 4, "kappa": 0.7}, 0.7**3),
        ("RationalGate", {"level": 4, "kappa": 0.9, "decay": 0.5}, 0.9 / 3),
        ("SigmoidLevelGate", {"level": 2, "slope": -2.0, "center": 3.0}, 1 / (1 + math.exp(-2))),
        ("PiecewiseGate", {"level": 1}, 1.0),
        ("PiecewiseGate", {"level": 2}, 0.7),
        ("PiecewiseGate", {"level": 5}, 0.5),
        ("SkipTuningGate", {"level": 4, "levels": 4, "bottom": 0.6}, 0.6),
        ("SkipTuningGate", {"level": 1, "levels": 4, "bottom": 0.6}, 1.0),
        ("SkipTuningGate", {"level": 2, "levels": 3, "bottom": 0.6}, 0.8),
    ],
)
def test_weights_by_level(block: str, arguments: dict[str, float], expected: float) -> None:
    assert target(block)(**arguments) == pytest.approx(expected)


@pytest.mark.parametrize(
    "block", ["ExponentialGate", "ScaleLongConstant", "RationalGate", "SigmoidLevelGate"]
)
def test_deep_skips_weigh_less(block: str) -> None:
    weights = [target(block)(level=level) for level in range(1, 6)]
    assert weights == sorted(weights, reverse=True) and len(set(weights)) == 5


@pytest.mark.parametrize("schedule", ["linear", "cosine", "flow"])
def test_log_snr_is_that_of_the_training_process(schedule: str) -> None:
    from designer.wrapping.noise import Process

    prediction = "flow" if schedule == "flow" else "epsilon"
    t = torch.tensor([5.0, 100.0, 500.0, 900.0, 990.0])
    alpha, sigma = Process(schedule, prediction).alpha_sigma(t)
    block = {"linear": "LogSNRLinear", "cosine": "LogSNRCosine", "flow": "LogSNRFlow"}[schedule]
    found = target(block)(1000)(t) if schedule == "linear" else target(block)(t)
    torch.testing.assert_close(found, 2 * torch.log(alpha / sigma), rtol=1e-3, atol=1e-3)


def test_log_snr_of_sigma() -> None:
    found = target("LogSNRSigma")(torch.tensor([0.5, 5.0, 0.0]), sigma_data=0.5)
    assert found[0] == 0 and found[1] == pytest.approx(-2 * math.log(10), rel=1e-5)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("block", ["LogSNRCosine", "LogSNRFlow"])
def test_log_snr_falls_with_time_and_is_finite_at_the_ends(block: str) -> None:
    found = target(block)(torch.linspace(0, 1000, 41))
    assert torch.isfinite(found).all() and (found[1:] <= found[:-1]).all() and found[0] > 6 > -6 > found[-1]


def test_noise_gates_open_as_the_signal_grows() -> None:
    x, log_snr = torch.zeros(5, 3, 4, 4), torch.tensor([-8.0, -2.0, 0.0, 2.0, 8.0])
    gate = target("SNRGate")(x, log_snr, beta=0.5, tau=1.0)
    assert gate.shape == (5, 1, 1, 1)
    torch.testing.assert_close(gate.flatten(), torch.sigmoid(0.5 * (log_snr - 1)))
    ramp = target("SNRRampGate")(x, log_snr, start=-2.0, end=2.0).flatten()
    assert ramp.tolist() == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("block", "at_zero"),
    [
        ("SigmoidBound", 0.5),
        ("DoubleSigmoidBound", 1),
        ("TanhBound", 0),
        ("SoftplusBound", math.log(2)),
        ("AroundOneBound", 1),
    ],
)
def test_bounds_hold_and_start_where_they_say(block: str, at_zero: float) -> None:
    spec = catalogue()[block]
    logits = torch.tensor([-1e4, -3.0, 0.0, 3.0, 1e4])
    if spec.kind == "function":
        found = target(block)(logits)
    else:
        namespace = {"torch": torch, "F": torch.nn.functional, "x": logits}
        found = eval(spec.target.format(x="x"), namespace)
    assert spec.gate is not None
    ends = [
        math.inf if end == "inf" else expressions.evaluate(end, {"delta": 0.5})
        for end in (spec.gate.low, spec.gate.high)
    ]
    assert ends[0] <= found.min() and found.max() <= ends[1]
    assert found[2].item() == pytest.approx(at_zero)
    assert (found[1:] >= found[:-1]).all()


def test_scale_long_learned_is_squeeze_and_excite() -> None:
    gate = target("ScaleLongLearned")(16, 4)
    skip = torch.randn(2, 16, 5, 3)
    means = skip.mean(dim=(2, 3))
    expected = torch.sigmoid(torch.relu(means @ gate.squeeze.weight.T) @ gate.excite.weight.T)
    torch.testing.assert_close(gate(skip)[:, :, 0, 0], expected)


def test_hypernetwork_writes_a_gate_over_channel_means() -> None:
    gate = target("HyperGate")(6, 4)
    torch.nn.init.normal_(gate.proj.weight)
    x, c = torch.randn(2, 4, 3, 3), torch.randn(2, 6)
    written = gate.proj(c)
    expected = written[:, :4] * x.mean(dim=(2, 3)) + written[:, 4:]
    torch.testing.assert_close(gate(x, c)[:, :, 0, 0], expected)


@pytest.mark.parametrize("block", ["SpatialGate", "FullGate"])
def test_gates_of_both_streams_are_local(block: str) -> None:
    gate = target(block)(3, 5, 8)
    torch.nn.init.normal_(gate.proj.weight)
    x, other = torch.randn(1, 3, 4, 4), torch.randn(1, 5, 4, 4)
    before = gate(x, other)
    x[..., 0, 0] += 1
    changed = (gate(x, other) != before).any(dim=1)[0]
    assert changed[0, 0] and changed.sum() == 1
