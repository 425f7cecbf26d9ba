"""Exports of the tiny presets, for real: the file, its parity, its metadata, and what goes wrong."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from designer.document import save
from designer.errors import UserError
from designer.export import export_onnx
from designer.export.session import open_session
from designer.export.sizes import admits, comparison_points, near, trace_point
from designer.presets import build

PRESETS = ["dit-tiny", "ddpm-tiny"]


@pytest.mark.parametrize("preset", PRESETS)
def test_an_export_agrees_with_pytorch(exports, preset):
    folder, report, messages = exports(preset)
    assert report.ok and report.worst.relative_l2 <= 5e-6
    assert {one.at["B"] for one in report.parity} == {1, 2, 3, 4}
    assert len({one.at["H"] for one in report.parity}) >= 3
    assert {one.timestep for one in report.parity} == {0.0, 500.0, 999.0}
    # a zero output would make any comparison pass
    assert any(one.max_abs > 0 for one in report.parity)
    assert json.loads((folder / "export.json").read_text()) == report.to_json()
    assert "exporting" in messages and not (folder / ".partial").exists()
    assert (folder / "source" / "model.py").is_file() and (folder / "design.json").is_file()


@pytest.mark.parametrize("preset", PRESETS)
def test_the_file_says_what_it_is_and_leaks_no_path(exports, preset):
    folder, report, _ = exports(preset)
    model = onnx.load(str(folder / "model.onnx"))
    onnx.checker.check_model(model, full_check=True)
    facts = {one.key: one.value for one in model.metadata_props}
    assert facts["design_hash"] == build(preset).hash() and facts["preset"] == preset
    assert (facts["prediction"], facts["schedule"], facts["timesteps"]) == ("epsilon", "linear", "1000")
    assert [one.version for one in model.opset_import if not one.domain] == [report.opset]
    content = (folder / "model.onnx").read_bytes()
    assert b".py" not in content and str(Path.home()).encode() not in content
    assert [one.name for one in model.graph.input] == [one["name"] for one in report.inputs]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_session_gives_finite_answers_that_depend_on_every_input(exports, preset):
    folder, report, _ = exports(preset)
    session = open_session(folder / "model.onnx")
    generator = np.random.default_rng(0)
    feeds = {"x": generator.standard_normal((3, 1, 16, 8), dtype=np.float32), "t": np.full(3, 5, np.float32)}
    if len(report.inputs) == 3:
        feeds["y"] = np.array([0, 5, 10])
    first = session.run(None, feeds)[0]
    assert first.shape == (3, 1, 16, 8) and np.isfinite(first).all()
    for name, value in feeds.items():
        changed = value * 0 + 3 if name == "y" else value + 1
        assert not np.array_equal(session.run(None, {**feeds, name: changed})[0], first), name


def test_a_run_that_replaced_the_schedule_is_exported_with_it(tmp_path, monkeypatch):
    from designer.export.process import training_of

    run = {"process": {"schedule": "cosine", "prediction": "v", "timesteps": 500}}
    (tmp_path / "report.json").write_text(json.dumps(run))
    training = training_of(build("ddpm-tiny"), tmp_path / "weights.safetensors")
    assert (training["schedule"], training["prediction"], training["timesteps"]) == ("cosine", "v", 500)
    assert training_of(build("ddpm-tiny"), tmp_path / "elsewhere" / "w")["schedule"] == "linear"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "int3"}, "precision: received 'int3'"),
        ({"weights": "nowhere.safetensors"}, "no such file of weights"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        export_onnx(build("dit-tiny"), tmp_path / "out", **arguments)


def test_weights_of_another_model_are_refused_and_leave_no_model(tmp_path):
    from safetensors.numpy import save_file

    save_file({"other": np.zeros(3, np.float32)}, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="does not fit the model"):
        export_onnx(build("dit-tiny"), tmp_path / "out", tmp_path / "weights.safetensors")
    assert not (tmp_path / "out" / "model.onnx").exists()


def test_an_export_past_its_time_is_ended_and_says_so(tmp_path):
    with pytest.raises(UserError, match=r"longer than 0\.2 s"):
        export_onnx(build("dit-tiny"), tmp_path / "out", time_limit_s=0.2)


def test_an_export_can_be_cancelled(tmp_path):
    from designer.export.runner import ExportProcess

    process = ExportProcess(build("dit-tiny"), tmp_path / "out", None, "fp32", True, 600, None)
    next(process.messages())
    process.cancel()
    assert process.process.wait(timeout=60) != 0


def test_the_child_ends_with_its_parent(tmp_path):
    from designer.export.runner import ExportProcess

    process = ExportProcess(build("dit-tiny"), tmp_path / "out", None, "fp32", True, 600, None)
    process.process.stdin.close()
    assert process.process.wait(timeout=60) == 3


def test_a_missing_device_is_an_error_not_a_silent_cpu(exports):
    from designer.export.session import has_cuda

    folder, _, _ = exports("dit-tiny")
    assert open_session(folder / "model.onnx", "cpu").get_providers() == ["CPUExecutionProvider"]
    if not has_cuda():
        with pytest.raises(UserError, match="no CUDA device"):
            open_session(folder / "model.onnx", "cuda")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="cannot load it"):
        open_session(tmp_path / "model.onnx")


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    save(build("dit-tiny"), tmp_path / "taken")
    with pytest.raises(UserError, match="is a file"):
        export_onnx(build("dit-tiny"), tmp_path / "taken")


AXES = {
    "B": {"modulus": 1, "residues": [0], "low": 1, "high": None},
    "H": {"modulus": 8, "residues": [0], "low": 8, "high": None},
    "W": {"modulus": 8, "residues": [0], "low": 8, "high": 32},
}


def test_sizes_stay_inside_the_certificate():
    traced = trace_point(AXES, [3, 32, 32])
    assert traced["B"] > 1 and traced["H"] != traced["W"]
    points = comparison_points(AXES, traced)
    assert [point["B"] for point in points] == [1, 2, 3, 4]
    assert all(admits(AXES[name], size) for point in points for name, size in point.items())
    assert near(AXES["W"], 100) == 32
