"""What to draw from: a run, an export, or a design with weights, as a network's files and settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from designer.document import Design, load
from designer.errors import UserError
from designer.export.process import training_of
from designer.render import Rendering, render
from designer.train.inputs import InputSpec
from designer.wrapping.noise import Process

KNOWN_ROLES = ("image", "latent", "timestep", "sigma", "class")


@dataclass(frozen=True)
class Source:
    """A network and what it was trained for.

    Either `onnx` is the file of an export, or `weights` a safetensors file for the class of `rendering`,
    whose code is in the folder `code` (None: as rendered).
    """

    inputs: tuple[InputSpec, ...]
    training: Mapping[str, Any]
    process: Process
    onnx: Path | None = None
    rendering: Rendering | None = None
    code: Path | None = None
    weights: Path | None = None


def find_source(source: Design | str | Path, weights: str | Path | None = None) -> Source:
    """Return what to draw from. Raises UserError when nothing can be drawn from `source`, and why."""
    if isinstance(source, Design):
        return _of_design(source, weights, None)
    path = Path(source)
    if (path / "model.onnx").is_file() or path.suffix == ".onnx":
        return _of_export(path if path.suffix == ".onnx" else path / "model.onnx")
    if path.is_dir():
        if not (path / "design.json").is_file():
            raise UserError(f"{path}: holds neither model.onnx (an export) nor design.json (a run)")
        kept = path / "weights.safetensors"
        if weights is None and not kept.is_file():
            raise UserError(f"{path}: holds no weights.safetensors; train first, or give weights")
        code = path / "source" if (path / "source" / "model.py").is_file() else None
        return _of_design(load(path / "design.json"), weights or kept, code)
    return _of_design(load(path), weights, None)


def _of_design(design: Design, weights: str | Path | None, code: Path | None) -> Source:
    if weights is None:
        raise UserError(f"design {design.name!r} has no trained weights; train it, or give weights")
    path = Path(weights)
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    rendering = render(design)
    inputs = tuple(InputSpec(one.name, one.role, one.shape, one.dtype) for one in rendering.inputs)
    training = training_of(design, path)
    return Source(
        inputs, training, Process.of(training), rendering=rendering, code=code, weights=path.resolve()
    )


def _of_export(path: Path) -> Source:
    """Read the settings from the export's report, which lies beside the model."""
    report = path.with_name("export.json")
    try:
        values = json.loads(report.read_text(encoding="utf-8"))
        inputs = tuple(map(InputSpec.from_json, values["inputs"]))
        training = dict(values["training"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{report}: missing or not a report of `designer export`; export again") from None
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    return Source(inputs, training, Process.of(training), onnx=path)
