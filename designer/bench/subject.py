"""What is compared: the folder of an export, made from a design where there is none yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from designer.document import Design, load
from designer.errors import UserError
from designer.export.report import ExportReport, read_report
from designer.export.sizes import admits, near, text


@dataclass(frozen=True)
class Asked:
    """A design that is to be exported first."""

    design: Design
    weights: Path | None
    precision: str


def find_subject(
    source: Design | str | Path, weights: str | Path | None, precision: str | None
) -> Path | Asked:
    """Return the folder of an export, or what to export. Raises UserError for what is neither."""
    given = None if weights is None else Path(weights)
    if isinstance(source, Design):
        return Asked(source, given, precision or "fp32")
    path = Path(source)
    if (path / "model.onnx").is_file():
        _require(path, given, precision)
        return path
    if path.is_dir():
        kept = path / "weights.safetensors"
        if not (path / "design.json").is_file():
            raise UserError(f"{path}: holds neither model.onnx (an export) nor design.json (a run)")
        return Asked(
            load(path / "design.json"), given or (kept if kept.is_file() else None), precision or "fp32"
        )
    return Asked(load(path), given, precision or "fp32")


def _require(path: Path, weights: Path | None, precision: str | None) -> None:
    """Raise UserError unless PyTorch can run the same network with the same weights."""
    report = read_report(path)
    if not (path / "source" / "model.py").is_file():
        raise UserError(
            f"{path / 'source' / 'model.py'}: missing, so there is no PyTorch to compare with; export again"
        )
    if precision not in (None, report.precision):
        raise UserError(
            f"precision: {path} is an export in {report.precision}; leave it out, or export in {precision}"
        )
    if (report.weights == "trained weights") != (weights is not None):
        needed = "with trained weights; give them with --weights" if weights is None else "without weights"
        raise UserError(f"{path}: was exported {needed}")


def sizes(report: ExportReport, asked: Mapping[str, int]) -> dict[str, int]:
    """Return a size for each axis: as asked, else batch 1 at the size that the design is trained at.

    Raises UserError for a size that the certificate does not admit.
    """
    height, width = (report.training.get("sample_shape") or [0, 32, 32])[-2:]
    usual = {"B": 1, "H": height, "W": width}
    for name, size in asked.items():
        if name not in report.axes:
            raise UserError(f"--at {name}: is no size of this design; it has {', '.join(report.axes)}")
        if not admits(report.axes[name], size):
            raise UserError(f"--at {name}: received {size}; {text(report.axes[name])}")
    return {name: asked.get(name) or near(axis, usual.get(name, 16)) for name, axis in report.axes.items()}


def specification(folder: Path, report: ExportReport, at: Mapping[str, int]) -> dict[str, Any]:
    """Return what the child processes need to know of the network."""
    return {
        "source": str((folder / "source").resolve()),
        "onnx": str((folder / "model.onnx").resolve()),
        "inputs": report.inputs,
        "outputs": report.outputs,
        "training": report.training,
        "precision": report.precision,
        "at": dict(at),
    }
