"""Every tiny preset through `designer export --check`: ONNX Runtime agrees with PyTorch, whatever size, batch and noise."""

import json
from pathlib import Path

import pytest

from designer.cli import main
from designer.presets import presets

TINY = [preset.id for preset in presets() if "tiny" in preset.id]
SAMPLE = ("ncsnpp-tiny", "pixart-tiny", "t2i-adapter-tiny", "wan-tiny")


@pytest.mark.parametrize(
    "preset", [one if one in SAMPLE else pytest.param(one, marks=pytest.mark.slow) for one in TINY]
)
def test_an_export_passes_its_check(preset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", preset, "-o", str(tmp_path / "design.json")]) == 0
    capsys.readouterr()
    status = main(["export", str(tmp_path / "design.json"), "--check", "-o", str(tmp_path / "out"), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert status == 0 and report["ok"] and report["first_difference"] is None
    rows = report["parity"]
    assert max(row["relative_l2"] for row in rows) <= 5e-6
    for name, axis in report["axes"].items():  # the smallest admissible size, and larger ones
        sizes = {row["at"][name] for row in rows}
        assert len(sizes) > 1 or axis["high"] == axis["low"], name
    assert {row["at"].get("B") for row in rows} <= {1, 2, 3, 4, None}
    assert len({row["timestep"] for row in rows}) == 3
    content = (tmp_path / "out" / "model.onnx").read_bytes()
    assert b".py" not in content and str(tmp_path).encode() not in content
