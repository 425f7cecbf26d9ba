"""The two sweeps where the answer is known: chains, sums, attention, gates at noise levels."""

import math
from typing import Any

import pytest

from designer.check import check
from designer.presets import build
from designer.reader import read_design
from designer.rules import examples
from designer.stability import Level, Prediction, predict
from designer.stability.activations import FUNCTIONS, response
from designer.stability.levels import levels_of


def _predict(document: dict[str, Any], level: Level | None = None) -> Prediction:
    frame = check(read_design(document)).frame
    assert frame is not None
    return predict(frame, level=level)


def _chain(nodes: dict[str, Any], edges: list[tuple[str, str]], end: str) -> Prediction:
    return _predict(examples.convolutional(nodes, edges, end))


def test_a_wider_layer_passes_more_gradient_back_than_it_gets() -> None:
    wide = {"wide": {"call": "Conv2d", "params": {"out_channels": 64, "kernel_size": 1, "padding": 0}}}
    found = _chain(wide, [("h.out", "wide.x")], "wide.out").gradients
    assert found["h"] == pytest.approx(found["wide"] * math.sqrt(64 / 16 / 3), rel=1e-3)


def test_a_norm_divides_the_gradient_by_the_size_of_what_comes_in() -> None:
    nodes = {
        "loud": {"call": "Scale", "params": {"factor": 50.0}},
        "norm": {"call": "GroupNorm", "params": {"num_groups": 1}},
    }
    found = _chain(nodes, [("h.out", "loud.x"), ("loud.out", "norm.x")], "norm.out")
    assert found.gradients["loud"] == pytest.approx(found.gradients["norm"] / found.rms["loud"], rel=0.01)


def test_gradients_of_a_sum_meet_again_where_it_began() -> None:
    found = _chain({"twice": {"call": "Add"}}, [("h.out", "twice.a"), ("h.out", "twice.b")], "twice.out")
    assert found.gradients["h"] == pytest.approx(found.gradients["twice"] * math.sqrt(2))


def test_a_vector_that_reaches_every_pixel_collects_their_gradients() -> None:
    found = _chain({"pass": {"call": "Identity"}}, [("h.out", "pass.x")], "pass.out").gradients
    assert found["embed"] == pytest.approx(found["h"] * 32, rel=1e-6)  # of 32 × 32 independent ones
    design = build("dit-tiny-adaln")
    frame = check(design).frame
    assert frame is not None
    few, many = (predict(frame, {"H": side, "W": side}).gradients["t_embedder"] for side in (8, 16))
    assert many > 1.5 * few


def test_nothing_passes_behind_a_zero_layer_but_the_last_counts_as_moved() -> None:
    nodes = {
        "zero": {"call": "Conv2d", "params": {"out_channels": 16, "init": "zero"}},
        "add": {"call": "Add"},
    }
    branch = {"pre": {"call": "Conv2d", "params": {"out_channels": 16}}, **nodes}
    edges = [("h.out", "pre.x"), ("pre.out", "zero.x"), ("h.out", "add.a"), ("zero.out", "add.b")]
    found = _chain(branch, edges, "add.out")
    assert found.gradients["pre"] == 0 < found.gradients["zero"]
    assert found.moved == ()
    frame = check(build("ddpm-tiny")).frame
    assert frame is not None
    assert predict(frame).moved == ("conv_out",)


def test_the_gate_of_a_skip_closes_as_noise_grows() -> None:
    design = build("steady-tiny")
    frame = check(design).frame
    assert frame is not None
    prediction = predict(frame)
    ratios = [prediction.at(level).fusions[0].ratio for level in levels_of(design.training)]
    assert ratios == sorted(ratios, reverse=True) and ratios[0] > 50 * ratios[-1]


def test_a_raw_exploding_input_is_seen_and_a_scaled_one_is_not() -> None:
    for preset, loud in (("ncsnpp-tiny", True), ("edm-ddpmpp-tiny", False)):
        design = build(preset)
        frame = check(design).frame
        assert frame is not None
        prediction = predict(frame)
        most = levels_of(design.training)[-1]
        assert most.input > 1.5
        assert (prediction.at(most).largest > 3 * prediction.largest) is loud


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_equal_inputs_stay_equal_and_slopes_are_those_of_samples(name: str) -> None:
    import torch

    seen = response(name, 1.0)
    assert seen.common(1.0) == pytest.approx(1.0, abs=1e-6)
    z = torch.randn(4_000, generator=torch.Generator().manual_seed(0)).tolist()
    slopes = [((FUNCTIONS[name](x + 1e-4) - FUNCTIONS[name](x - 1e-4)) / 2e-4) ** 2 for x in z]
    assert seen.slope == pytest.approx(sum(slopes) / len(slopes), rel=0.08)
