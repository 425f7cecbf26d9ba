"""Smoke-trains and exports as the page starts and follows them."""

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from designer.document import dumps
from designer.presets import build
from designer.ui.answers import answering
from designer.ui.exports import Exports
from designer.ui.runs import Runs

DOCUMENT = dumps(build("dit-tiny"))


def until(
    ask: Callable[[], dict[str, Any]], end: Callable[[dict[str, Any]], bool], seconds: float = 240
) -> dict[str, Any]:
    """Ask until the answer satisfies `end`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask()
        if end(answer):
            return answer
        time.sleep(0.1)
    raise AssertionError("no end")


@pytest.mark.slow
def test_a_run_is_followed_to_its_verdict(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    begin = json.dumps({"document": DOCUMENT, "options": {"steps": 3, "seeds": [0], "device": "cpu"}})
    run = runs.start_training(begin)
    assert "under way" in answering(runs.start_training)(begin)["error"]
    ask = json.dumps({"run": run["run"], "after": 0})
    answer = until(lambda: runs.training_events(ask), lambda one: one["done"])
    kinds = [event["type"] for event in answer["events"]]
    assert "progress" in kinds and kinds[-1] == "verdict"
    later = runs.training_events(json.dumps({"run": run["run"], "after": len(kinds) - 1}))
    assert [event["type"] for event in later["events"]] == ["verdict"]
    assert (Path(run["folder"]) / "report.json").is_file()


@pytest.mark.slow
def test_a_run_can_be_stopped(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run = runs.start_training(
        json.dumps({"document": DOCUMENT, "options": {"steps": 100_000, "seeds": [0], "device": "cpu"}})
    )
    ask = json.dumps({"run": run["run"]})
    until(
        lambda: runs.training_events(ask),
        lambda one: any(event["type"] == "progress" for event in one["events"]),
    )
    runs.cancel_training(ask)
    answer = until(lambda: runs.training_events(ask), lambda one: one["done"])
    assert answer["events"][-1]["verdict"] == "cancelled"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"steps": 0}, "steps"), ({"nothing": 1}, "nothing"), ({"data": "elsewhere"}, "data"), ([], "options")],
)
def test_options_that_cannot_be_used_are_refused(tmp_path: Path, options: Any, message: str) -> None:
    answer = answering(Runs(tmp_path).start_training)(
        json.dumps({"document": DOCUMENT, "options": options or {"steps": 0}})
    )
    assert (message if options else "steps") in answer["error"]


def test_an_unknown_run_or_job_says_so(tmp_path: Path) -> None:
    assert "not known" in answering(Runs(tmp_path).training_events)('{"run": "7"}')["error"]
    assert "not known" in answering(Exports(tmp_path, tmp_path).export_status)('{"job": "7"}')["error"]


@pytest.mark.slow
def test_an_export_ends_in_a_report_and_an_archive(tmp_path: Path) -> None:
    exports = Exports(tmp_path / "exports", tmp_path / "runs")
    job = exports.start_export(
        json.dumps({"document": DOCUMENT, "precision": "fp32", "check": True, "weights": None})
    )
    answer = until(lambda: exports.export_status(json.dumps(job)), lambda one: one["state"] != "running")
    assert answer["state"] == "done" and answer["report"]["ok"], answer["message"]
    archive = Path(unquote(answer["download"].split("file=")[1]))
    assert "model.onnx" in zipfile.ZipFile(archive).namelist()


@pytest.mark.parametrize("weights", ["/etc", "..", "runs/none"])
def test_weights_come_from_runs_of_the_workspace_only(tmp_path: Path, weights: str) -> None:
    exports = Exports(tmp_path / "exports", tmp_path / "runs")
    request = {"document": DOCUMENT, "precision": "fp32", "check": True, "weights": str(tmp_path / weights)}
    assert "error" in answering(exports.start_export)(json.dumps(request))
