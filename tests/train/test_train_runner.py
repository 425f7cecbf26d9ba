"""Runs in the child process: a verdict, a crash, too much memory or time, a cancel; always a report."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file

from designer.errors import UserError
from designer.train.inputs import InputSpec
from designer.train.limits import Stopper
from designer.train.options import TrainOptions
from designer.train.report import RunReport, read_report, report_schema
from designer.train.runner import RunHandle, launch, prepare_folder
from designer.train.spec import RunSpec
from designer.train.worker import run as worker_run
from tests.train.smoke_runs import module, spec_of


def options(**changes: Any) -> TrainOptions:
    return TrainOptions(**{"steps": 12, "seeds": (0,), "device": "cpu", **changes})


def finished(run: RunHandle) -> RunReport:
    report = run.wait()
    assert read_report(run.spec.run_dir / "report.json") == report
    assert not run.running
    return report


def test_a_run_reports_progress_a_verdict_and_its_circumstances(tmp_path: Path) -> None:
    run = launch(spec_of(tmp_path / "run", "unet", "UNet", options(seeds=(3, 1), ema=0.9), design_hash="abc"))
    events = list(run.events())
    report = finished(run)
    assert report.verdict == "ok" and report.crash is None
    assert events[-1] == {"type": "verdict", "verdict": "ok", "summary": report.summary, "reasons": []}
    progress = [event for event in events if event["type"] == "progress"]
    assert {event["seed"] for event in progress} == {3, 1} and progress[-1]["step"] == progress[-1][
        "steps"
    ] == 12
    assert all(len(event["loss_per_bin"]) == len(event["grad_per_bin"]) == 8 for event in progress)
    assert progress[-1]["seconds_left"] == 0
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == events == list(run.events())
    assert report.design == {"name": "UNet", "hash": "abc"}
    assert report.device["kind"] == "cpu" and report.versions["torch"] == torch.__version__
    expected = {"schedule": "linear", "prediction": "epsilon", "timesteps": 1000}
    assert expected.items() <= report.process.items()
    assert [seed.seed for seed in report.seeds] == [3, 1] and len(report.seeds[0].loss) == 12
    node = next(n for n in report.seeds[0].nodes if n.module == "down.1.conv1")
    assert node.node == "ResBlock/conv1" and len(node.activation_rms_start) == 8 and node.update_ratio
    assert any("E4" in text for text in report.not_judged) and "cannot show" in report.cannot_show
    weights = load_file(tmp_path / "run" / "weights.safetensors")
    module("unet").UNet().load_state_dict(weights, strict=True)
    assert report.weights_are == "seed 3, moving average (decay 0.9)"


def in_this_process(spec: RunSpec) -> RunReport:
    """Run without a child, for what needs none: a third of a second instead of five."""
    report = worker_run(spec, lambda event: None, Stopper(spec.options.time_limit_s))
    report.write(spec.run_dir / "report.json")
    return read_report(spec.run_dir / "report.json")


def test_unknown_roles_and_classes_are_fed(tmp_path: Path) -> None:
    inputs = (
        InputSpec("x", "image", ("B", 1, "H", "W")), InputSpec("t", "timestep", ("B",)),
        InputSpec("y", "class", ("B",), "int64"), InputSpec("v", "vector", ("B", 12)),
    )  # fmt: skip
    training = {"sample_shape": [1, 16, 16], "num_classes": 4}
    spec = spec_of(tmp_path, "unet", "ConditionalUNet", options(), inputs=inputs, training=training)
    report = in_this_process(spec)
    assert report.verdict in ("ok", "warn")


def test_nan_is_a_failed_verdict(tmp_path: Path) -> None:
    report = in_this_process(spec_of(tmp_path, "transformer", "Explodes", options()))
    assert report.verdict == "fail"
    reason = report.reasons[0]
    assert (reason.code, reason.module, reason.node, reason.step) == ("E1", "blocks.1.mlp", "Block/mlp", 3)
    assert "blocks.1.mlp" in report.summary


def test_a_crash_names_the_module(tmp_path: Path) -> None:
    report = in_this_process(spec_of(tmp_path, "transformer", "Raises", options()))
    assert report.verdict == "crashed" and report.crash is not None
    assert (report.crash.kind, report.crash.module, report.crash.node) == (
        "exception",
        "blocks.0.attn",
        "Block/attn",
    )
    assert "heads do not fit" in report.summary


def test_too_much_memory_is_a_report(tmp_path: Path) -> None:
    report = finished(launch(spec_of(tmp_path, "transformer", "Hungry", options(memory_limit_bytes=2**30))))
    assert report.verdict == "crashed" and report.crash is not None and report.crash.kind == "memory"
    assert "batch" in report.crash.message


def test_a_process_that_dies_is_a_report(tmp_path: Path) -> None:
    run = launch(spec_of(tmp_path, "transformer", "Exits", options()))
    events = list(run.events())
    report = finished(run)
    assert report.verdict == "crashed" and report.crash is not None and report.crash.kind == "killed"
    assert events[-1]["type"] == "verdict" and events[-1]["verdict"] == "crashed"


def test_a_source_that_cannot_be_imported_is_a_report(tmp_path: Path) -> None:
    report = in_this_process(spec_of(tmp_path, "transformer", "NoSuchClass", options()))
    assert report.verdict == "crashed" and "NoSuchClass" in report.summary


def test_cancel_leaves_a_report(tmp_path: Path) -> None:
    run = launch(spec_of(tmp_path, "transformer", "Slow", options(steps=10_000)))
    for event in run.events():
        if event["type"] == "progress":
            run.cancel()
    report = finished(run)
    assert report.verdict == "cancelled" and 0 < report.seeds[0].steps_done < 10_000


def test_cancel_at_once_leaves_a_report(tmp_path: Path) -> None:
    run = launch(spec_of(tmp_path, "transformer", "Slow", options(steps=10_000)))
    run.cancel()
    assert finished(run).verdict == "cancelled"


def test_the_time_limit_leaves_a_report(tmp_path: Path) -> None:
    run = launch(spec_of(tmp_path, "transformer", "Slow", options(steps=10_000, time_limit_s=6.0)))
    report = finished(run)
    assert report.verdict == "cancelled" and report.crash is not None and report.crash.kind == "time"


def test_what_a_user_got_wrong_is_an_error(tmp_path: Path) -> None:
    training = {"sample_shape": [3, 16, 16]}
    with pytest.raises(UserError, match="sample_shape"):
        launch(spec_of(tmp_path, "unet", "UNet", options(), training=training))
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="CUDA"):
            launch(spec_of(tmp_path, "unet", "UNet", options(device="cuda"))).wait()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="run's folder"):
        prepare_folder(tmp_path / "file")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_sixteen_bit_precisions(tmp_path: Path, precision: str) -> None:
    report = in_this_process(spec_of(tmp_path, "transformer", "PreNorm2", options(precision=precision)))
    assert report.verdict == "ok" and report.device["precision"] == precision


def test_an_earlier_report_is_not_mistaken_for_this_ones(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    assert not (prepare_folder(tmp_path) / "report.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such"),
        ("{", "JSON"),
        ("[]", "not a report"),
        ('{"format": "smoke-train-report", "format_version": 9}', "9"),
    ],
)
def test_reading_what_is_no_report(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_report(path)


def test_the_schema_describes_the_report() -> None:
    schema = report_schema()
    assert schema["properties"]["verdict"]["enum"] == ["ok", "warn", "fail", "cancelled", "crashed"]
    report = RunReport("ok", "OK", {}, {}, {})
    assert TypeAdapter(RunReport).validate_python(report.to_json()) == report


@pytest.mark.parametrize("first", ["", "import designer.train.options; "])
def test_train_is_called_from_the_package_without_importing_torch(first: str) -> None:
    checks = "assert callable(train); assert 'torch' not in sys.modules"
    code = f"import sys; {first}from designer import train; {checks}"
    subprocess.run([sys.executable, "-c", code], check=True)
