"""Each threshold from both sides, the majority of seeds, and the known-answer pairs that need no design."""

import math

import numpy as np
import pytest

from designer.train.checks import spike_steps
from designer.train.record import NodeInfo, NonFinite, SeedRecord, Series
from designer.train.verdict import judge, judge_seed
from tests.train.smoke_runs import judged


def healthy(seed: int = 0, steps: int = 150) -> SeedRecord:
    """A record with nothing to complain of: three token blocks."""
    nodes = [NodeInfo(f"blocks.{i}", "Net/blocks", "Block", 3) for i in range(3)]
    curve = list(np.linspace(1.0, 0.5, steps))
    probes = list(range(0, steps, 10))
    ones = np.ones((len(probes), 3, 8), np.float32)
    return SeedRecord(
        seed, steps, 1e-3, steps, loss=curve, nloss=curve, nloss_bins=[[v] * 8 for v in curve],
        grad_norm=[1.0] * steps, probe_steps=probes, nodes=nodes, order=[0, 1, 2], rms=ones, peak=ones * 4,
        gradient=ones.copy(), stacks=[[0, 1, 2]],
        weighted=[NodeInfo("blocks.0.fc", "Block/fc", "Linear"), NodeInfo("norm", "Net/norm", "LayerNorm")],
        update_ratio=np.full((len(probes), 2), 5e-3, np.float32),
    )  # fmt: skip


def codes(record: SeedRecord) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in judge_seed(record)]


def test_healthy_is_ok() -> None:
    assert codes(healthy()) == []


@pytest.mark.parametrize(("factor", "expected"), [(3.4, []), (3.6, [("E2", "WARN")]), (31, [("E2", "FAIL")])])
def test_growth_of_a_transformer(factor: float, expected: list) -> None:
    record = healthy()
    record.rms = record.rms * np.array([1, 1, factor], np.float32)[:, None]
    assert codes(record) == expected


@pytest.mark.parametrize(("factor", "expected"), [(7.9, []), (8.1, [("E2", "WARN")]), (31, [("E2", "FAIL")])])
def test_growth_of_a_unet(factor: float, expected: list) -> None:
    record = healthy()
    record.nodes = [NodeInfo(f"m{i}", f"Net/m{i}", "Conv2d", 4) for i in range(3)]
    record.stacks = []
    record.rms = record.rms * np.array([1, factor, 1], np.float32)[:, None]
    record.grad_norm[80] = 10.5
    assert codes(record) == sorted([*expected, ("E6", "WARN")], key=lambda code: code[1])


def test_growth_of_a_unet_with_calm_gradients_only_warns() -> None:
    record = healthy()
    record.nodes = [NodeInfo(f"m{i}", f"Net/m{i}", "Conv2d", 4) for i in range(3)]
    record.stacks = []
    record.rms = record.rms * np.array([1, 60, 1], np.float32)[:, None]
    assert codes(record) == [("E2", "WARN")]


@pytest.mark.parametrize(
    ("factor", "expected"), [(1 / 9, []), (1 / 11, [("E3", "WARN")]), (1 / 31, [("E3", "FAIL")])]
)
def test_starved_blocks(factor: float, expected: list) -> None:
    record = healthy()
    record.gradient = record.gradient * np.array([factor, 1, 1], np.float32)[:, None]
    assert codes(record) == expected
    if expected:
        assert judge_seed(record)[0].module == "blocks.0"


def test_starved_blocks_are_not_asked_of_unets() -> None:
    record = healthy()
    record.nodes = [NodeInfo(f"m{i}", "", "Conv2d", 4) for i in range(3)]
    record.gradient = record.gradient * np.array([1e-4, 1, 1], np.float32)[:, None]
    assert codes(record) == []


@pytest.mark.parametrize(("value", "expected"), [(0.984, []), (0.986, [("E4", "FAIL")])])
def test_not_learning(value: float, expected: list) -> None:
    record = healthy()
    record.nloss = [value] * 150
    record.nloss_bins = [[value] * 8] * 150
    assert codes(record) == expected


def test_a_short_run_is_not_judged_for_learning_and_says_so() -> None:
    record = healthy(steps=40)
    record.nloss_bins = [[1.0] * 8] * 40
    assert codes(record) == []
    assert any("E4" in text for text in judge([record]).not_judged)


@pytest.mark.parametrize(
    ("value", "expected"), [(1.1e-4, []), (0.9e-4, [("E5", "FAIL")]), (0.0, [("E5", "FAIL")])]
)
def test_dead_weights(value: float, expected: list) -> None:
    record = healthy()
    record.update_ratio[:, 0] = value
    assert codes(record) == expected


def test_a_gain_that_moves_little_is_alive_and_one_that_does_not_is_dead() -> None:
    record = healthy()
    record.update_ratio[:, 1] = 1e-5
    assert codes(record) == []
    record.update_ratio[:, 1] = 0
    assert codes(record) == [("E5", "WARN")]


def test_gradient_peaks_warn_and_fail_only_with_damage() -> None:
    record = healthy()
    record.grad_norm[80] = 11.0
    assert codes(record) == [("E6", "WARN")]
    record.grad_norm[80] = 31.0
    assert codes(record) == [("E6", "WARN")]
    record.nloss = [*np.linspace(1, 0.5, 80), *[0.9] * 70]
    assert codes(record) == [("E6", "FAIL")]


def test_loss_spikes() -> None:
    loss = [1.0] * 60
    loss[5], loss[30], loss[45] = 9.0, 3.1, 2.9
    assert spike_steps(loss) == [30]


@pytest.mark.parametrize(
    ("value", "expected"), [(1.14, []), (1.16, [("E7", "WARN")]), (1.51, [("E7", "FAIL")])]
)
def test_noise_bins(value: float, expected: list) -> None:
    record = healthy()
    record.nloss_bins = [[0.5] * 7 + [value]] * 150
    assert codes(record) == expected
    if expected:
        assert judge_seed(record)[0].noise_bins == (7,)


@pytest.mark.parametrize(("value", "expected"), [(49, []), (51, [("E8", "WARN")]), (1001, [("E8", "FAIL")])])
def test_attention_logits(value: float, expected: list) -> None:
    record = healthy()
    record.logits = [Series("blocks.1.attn#1", "Block/attn", [[1.0] * 8, [2.0, value, *[1.0] * 6]])]
    assert codes(record) == expected
    if expected:
        assert judge_seed(record)[0].noise_bins == (1,) and judge_seed(record)[0].node == "Block/attn"


def test_ratios_at_initialisation_warn() -> None:
    record = healthy()
    record.fusions = [Series("#1", "Net", [[5.1] * 8, [1.0] * 8])]
    record.residuals = [Series("blocks.0#1", "Block", [[1.6] * 8], rank=3)]
    assert codes(record) == [("W9", "WARN"), ("W10", "WARN")]
    record.fusions[0].values = [[4.9] * 8, [9.0] * 8]
    record.residuals[0].values = [[1.4] * 8]
    assert codes(record) == []


@pytest.mark.parametrize(
    ("value", "expected"), [(6.4e3, []), (6.6e3, [("E11", "WARN")]), (7e4, [("E11", "FAIL")])]
)
def test_headroom_names_the_first_module(value: float, expected: list) -> None:
    record = healthy()
    record.peak[3, 1:, 2] = value
    assert codes(record) == expected
    if expected:
        assert judge_seed(record)[0].module == "blocks.1"


def test_nonfinite_is_fail_and_silences_what_follows_from_it() -> None:
    record = healthy()
    record.nonfinite = NonFinite(7, "forward", "blocks.2", "Net/blocks")
    record.nloss_bins = [[9.0] * 8] * 150
    assert codes(record) == [("E1", "FAIL")]
    assert "step 7" in judge_seed(record)[0].message


def with_gradient_peak(seed: int) -> SeedRecord:
    record = healthy(seed)
    record.grad_norm[80] = 11.0
    return record


def broken(seed: int) -> SeedRecord:
    record = healthy(seed)
    record.nonfinite = NonFinite(7, "forward", "blocks.2", "Net/blocks")
    return record


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ([healthy(0), healthy(1), broken(2)], "ok"),
        ([healthy(0), broken(1), broken(2)], "fail"),
        ([healthy(0), with_gradient_peak(1), broken(2)], "warn"),
        ([with_gradient_peak(0), with_gradient_peak(1), broken(2)], "warn"),
        ([healthy(0), broken(1)], "fail"),
        ([broken(0)], "fail"),
    ],
)
def test_the_majority_of_seeds_decides(records: list[SeedRecord], verdict: str) -> None:
    judgement = judge(records)
    assert judgement.verdict == verdict
    told = {seed for reason in (*judgement.reasons, *judgement.minority) for seed in reason.seeds}
    assert told == {record.seed for record in records if judge_seed(record)}


def test_a_reason_carries_the_worst_seed() -> None:
    mild, bad = with_gradient_peak(0), with_gradient_peak(1)
    bad.grad_norm[80] = 25.0
    reason = judge([mild, bad]).reasons[0]
    assert reason.finding.figure == 25.0 and reason.seeds == (0, 1) and reason.of == 2
    assert math.isclose(reason.to_json()["threshold"], 10.0)


def test_a_double_zero_branch_is_dead() -> None:
    judgement = judged("transformer", "DoubleZero4", 40, seeds=(0,))
    assert judgement.verdict == "fail"
    finding = next(r.finding for r in judgement.reasons if r.finding.severity == "FAIL")
    assert (finding.code, finding.figure) == ("E5", 0.0)
    assert finding.node in ("ZeroBlock/modulation", "Attention/proj")  # the two factors that start at zero


@pytest.mark.parametrize(
    ("name", "model"), [("transformer", "AdaLNZero4"), ("transformer", "PreNorm2"), ("unet", "UNet")]
)
def test_sound_models_are_not_failed(name: str, model: str) -> None:
    assert judged(name, model, 40, seeds=(0,)).verdict != "fail"


def test_no_norm_at_depth_48_is_nan_at_once() -> None:
    judgement = judged("transformer", "NoNorm48", 2, seeds=(0,))
    assert judgement.verdict == "fail"
    assert {"E1", "E2"} & {r.finding.code for r in judgement.reasons}
