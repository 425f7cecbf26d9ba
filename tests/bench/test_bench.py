"""`designer bench` at tiny size: all ways in turns on the same weights, and what goes wrong."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from designer.bench import bench
from designer.bench.plot import plot
from designer.bench.report import HEADER
from designer.bench.runner import Bench
from designer.cli import main
from designer.document import save
from designer.errors import UserError
from designer.export import export_onnx
from designer.presets import build


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "dit"
    export_onnx(build("dit-tiny"), folder, check=False)
    return folder


def test_an_export_against_pytorch(export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "plot.svg"
    arguments = ["--against", "eager,ort", "--at", "B=2,H=8", "--rounds", "4", "--threads", "1"]
    assert main(["bench", str(export), *arguments, "--device", "cpu", "--plot", str(picture), "--json"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["ok"] and report["at"] == {"B": 2, "H": 8, "W": 16} and report["threads"] == 1
    assert report["baseline"] == "PyTorch eager" and report["rounds"] == 4
    eager, ort = report["contenders"]
    assert eager["speedup"] == 1 and eager["relative_l2"] == 0
    assert 0 < ort["relative_l2"] < 1e-5  # the same weights and inputs, by another program
    assert ort["median_ms"] > 0 and ort["speedup"] > 0 and ort["first_call_s"] > 0
    assert 0 < eager["peak_bytes"] < 1e9
    assert "round 4 of 4" in said.err and "measuring ONNX Runtime alone" in said.err
    texts = [one.text for one in ElementTree.parse(picture).iter() if one.tag.endswith("text")]
    assert "ONNX Runtime" in texts and any("B=2, H=8" in text for text in texts if text)


def test_a_design_is_exported_first_and_a_missing_compiler_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(build("dit-tiny"), tmp_path / "design.json")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert main(["bench", str(tmp_path / "design.json"), "--against", "compile,ort", "--rounds", "3"]) == 0
    said = capsys.readouterr()
    assert "exporting" in said.err
    lines = said.out.splitlines()
    assert lines[1].split("  ")[0] == HEADER[0] and lines[2].startswith("ONNX Runtime")
    assert "torch.compile: needs a C++ compiler, and finds none on PATH" in said.out


@pytest.mark.slow
def test_compiled(export: Path) -> None:
    report = bench(export, rounds=3, device="cpu", at={"H": 8, "W": 8})
    assert [one.name for one in report.timed] == ["eager", "compile", "ort"] and report.ok
    assert plot(report).count("<rect") == 4


def test_cancelled(export: Path) -> None:
    run = Bench(export, ["eager", "ort"], {}, None, None, "cpu", 1, 10_000, 600)
    with pytest.raises(UserError, match="cancelled"):
        for message in run.messages():
            if message.startswith("round"):
                run.cancel()
    assert run._child.poll() is not None
    with pytest.raises(UserError, match="cancelled"):
        run.report()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"against": ["eager", "jax"]}, "received jax; expected of eager, compile, ort"),
        ({"at": {"H": 7}}, "--at H: received 7; expected"),
        ({"at": {"Q": 8}}, "--at Q: is no size of this design; it has B, H, W"),
        ({"device": "tpu"}, "device: received 'tpu'"),
        ({"rounds": 1}, "rounds: received 1"),
        ({"threads": 0}, "threads: received 0"),
        ({"precision": "fp16"}, "is an export in fp32"),
        ({"weights": "w.safetensors"}, "was exported without weights"),
        ({"time_limit_s": 0.5}, r"longer than 0\.5 s"),
    ],
)
def test_what_cannot_be_used_is_said(export: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        bench(export, **{"device": "cpu", **arguments})  # type: ignore[arg-type]


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither model\.onnx"):
        bench(tmp_path)
