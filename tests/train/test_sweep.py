"""Sweeps: the grid, a killed sweep that goes on, trials stopped early, the table, the plot, a Ray cluster."""

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest

from designer.cli import main
from designer.document import dumps, load
from designer.errors import UserError
from designer.lab.index import runs_in
from designer.lab.points import points, read_grid
from designer.lab.pool import DATABASE
from designer.lab.regions import Row, main_setting, ranges, svg
from designer.lab.sweep import sweep
from designer.lab.trial import Outcome, _Watch
from designer.presets import build
from designer.train.options import TrainOptions

DESIGNS = ("examples/dit-tiny.json", "examples/ddpm-tiny.json")
TINY = {"steps": 2, "batch_size": 2, "seeds": (0,), "device": "cpu", "threads": 1}
RATES = {"lr": [1e-3, 1e-2]}


def test_a_grid_is_read() -> None:
    assert read_grid(["lr=1e-4,1e-3", "precision=fp32,bf16"]) == {
        "lr": [1e-4, 1e-3],
        "precision": ["fp32", "bf16"],
    }
    for bad in (["lr"], ["lr="], ["=1"], ["lr=1", "lr=2"], ["seeds=1,2"], ["lr=[1]"]):
        with pytest.raises(UserError):
            read_grid(bad)


def test_points_are_designs_times_settings() -> None:
    found = points(DESIGNS, {**RATES, "batch_size": [2, 4]}, TINY)
    assert len(found) == 8 and len({point.name for point in found}) == 8
    assert {point.options.learning_rate for point in found} == {1e-3, 1e-2}
    assert (
        points([DESIGNS[0]] * 2, {}, TINY)[0].settings == {} and len(points([DESIGNS[0]] * 2, {}, TINY)) == 1
    )
    name = next(iter(load(DESIGNS[0]).main_definition.parameters))
    assert points(DESIGNS[:1], {name: [3]}, TINY)[0].design.parameters[name] == 3
    with pytest.raises(UserError, match="no parameter 'nonsense'"):
        points(DESIGNS, {"nonsense": [1]}, TINY)
    with pytest.raises(UserError, match="learning_rate"):
        points(DESIGNS, {"lr": [-1]}, TINY)


def test_names_follow_what_changes_the_result() -> None:
    (first,) = points(DESIGNS[:1], {}, TINY)
    assert points(DESIGNS[:1], {}, {**TINY, "threads": 2})[0].name == first.name
    assert points(DESIGNS[:1], {}, {**TINY, "steps": 3})[0].name != first.name


def events(seed: int, losses: list[float], verdict: str) -> list[dict[str, Any]]:
    steps = len(losses)
    found: list[dict[str, Any]] = [
        {"type": "progress", "seed": seed, "step": step, "steps": steps, "loss_per_bin": [loss, None]}
        for step, loss in enumerate(losses, 1)
    ]
    return [*found, {"type": "seed", "seed": seed, "verdict": verdict}]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (events(0, [9.0] * 3 + [0.5] * 7, "ok"), ""),
        (events(0, [9.0] * 10, "fail"), "hopeless"),
        (events(0, [0.5] * 9, "fail") + events(1, [0.5] * 9, "ok"), ""),
        (events(0, [0.5] * 9, "fail") + events(1, [0.5] * 9, "fail"), "2 of 3 seeds failed"),
    ],
)
def test_a_trial_is_stopped_when_its_verdict_is_certain(stream: list[dict[str, Any]], expected: str) -> None:
    watch = _Watch(TrainOptions(seeds=(0, 1, 2)))
    said = next((text for event in stream if (text := watch.reason(event))), "")
    assert said.startswith(expected) and bool(said) == bool(expected)


ARGUMENTS = ["--grid", "lr=1e-3,1e-2", "--seed", "0", "--steps", "2", "--batch-size", "2"]
ARGUMENTS += ["--device", "cpu", "--threads", "1", "--jobs", "1"]


def outcomes(folder: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("runs/*/outcome.json")}


def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sweep", *DESIGNS, *ARGUMENTS, "-o", str(tmp_path / "sweep"), "--json"]
    process = subprocess.Popen([sys.executable, "-m", "designer", *arguments], stdout=subprocess.DEVNULL)
    while not outcomes(tmp_path / "sweep") and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    folder = tmp_path / "sweep"
    before = outcomes(folder)
    assert 1 <= len(before) < 4
    status = main(arguments)
    after = outcomes(folder)
    assert len(after) == 4 and before.items() <= after.items()
    report = json.loads(capsys.readouterr().out)
    assert status == (0 if report["ok"] else 1) and len(report["trials"]) == 4
    assert {(one["design"], one["settings"]["lr"]) for one in report["trials"]} == {
        (load(path).name, rate) for path in DESIGNS for rate in RATES["lr"]
    }
    assert json.loads((folder / "sweep.json").read_text()) == report
    assert ET.parse(folder / "stable.svg") is not None
    assert {one.name for one in runs_in(tmp_path) if one.verdict != "unfinished"} >= {
        f"sweep/runs/{name}" for name in after
    }
    storage = f"sqlite:///{folder / DATABASE}"
    (name,) = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    complete = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert len({trial.user_attrs["run"] for trial in complete}) == len(complete) >= 3
    assert not [trial for trial in study.trials if trial.state == optuna.trial.TrialState.RUNNING]
    assert main(arguments) == status and outcomes(folder) == after


def test_a_design_that_these_parameters_break_is_a_result(tmp_path: Path) -> None:
    path = tmp_path / "design.json"
    path.write_text(dumps(build("dit-tiny")))
    trials = points([path], {"num_heads": [7]}, TINY)
    report = sweep(trials, tmp_path / "sweep", jobs=1)
    assert [row.outcome.verdict for row in report.rows] == ["fail"] and not report.ok


def rows(verdicts: dict[float, str]) -> list[Row]:
    found = points(DESIGNS[:1], {"lr": list(verdicts), "precision": ["fp32"]}, TINY)
    outcome = {rate: Outcome(verdict, "<why>", 0.5, 1.0) for rate, verdict in verdicts.items()}
    return [Row(point, outcome[point.settings["lr"]]) for point in found]


def test_stable_ranges_name_their_gaps() -> None:
    found = rows({1e-4: "ok", 1e-3: "fail", 1e-2: "warn", 1e-1: "crashed"})
    assert main_setting(found) == "lr"
    (one,) = ranges(found)
    assert str(one).endswith("stable for lr 0.0001 … 0.01 except 0.001") and one.fixed == {
        "precision": "fp32"
    }
    assert "at no lr" in str(ranges(rows({1e-4: "fail"}))[0])


def test_the_plot_has_a_cell_a_trial() -> None:
    drawing = svg(rows({1e-4: "ok", 1e-3: "fail"}))
    root = ET.fromstring(drawing)
    assert len(root.findall("{http://www.w3.org/2000/svg}g")) == 2 and "&lt;why&gt;" in drawing


def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for module in ("pool", "cluster"):
        monkeypatch.setattr(f"designer.lab.{module}.find_spec", lambda name: None)
    arguments = ["sweep", DESIGNS[0], "-o", str(tmp_path)]
    assert main(arguments) == 2 and "pip install optuna" in capsys.readouterr().err
    assert main([*arguments, "--address", "auto"]) == 2 and "ray[tune]" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_two_nodes_of_ray_run_a_sweep(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        trials = points(DESIGNS, RATES, TINY)
        report = sweep(trials, tmp_path, cluster.address)
        done = outcomes(tmp_path)
        assert len(report.rows) == 4 and len(done) == 4
        assert sweep(trials, tmp_path, cluster.address) == report and outcomes(tmp_path) == done
    finally:
        cluster.shutdown()
