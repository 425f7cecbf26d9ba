"""`designer import`: a configuration, an ONNX file or a Python callable becomes a design and its weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from designer.check import check
from designer.document import Design
from designer.errors import UserError
from designer.importers import Imported
from designer.reader import read_design
from designer.render import Rendering, render
from designer.sources.config import read_config


@dataclass(frozen=True)
class Source:
    """What a source says: its design and weight rules, and where its own weights lie, if it holds any."""

    imported: Imported
    weights: Path | None = None


@dataclass(frozen=True)
class ImportedDesign:
    """A checked import: the design, its rendering, and the weights that were written."""

    design: Design
    rendering: Rendering
    weights: Path | None = None
    tensors: int = 0
    bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what `designer import --json` prints, beside the name of the file."""
        entry = self.rendering.to_json()
        entry.pop("files")
        written = {"path": str(self.weights), "tensors": self.tensors, "bytes": self.bytes}
        return {**entry, "name": self.design.name, "weights": written if self.weights else None}


def import_source(
    source: str, weights: Path | None = None, weights_out: Path | None = None
) -> ImportedDesign:
    """Import a design and, where `weights_out` is given, write its weights for the rendered model.

    The weights are those of `weights`, else those that the source holds. Raises UserError naming the argument,
    operator or tensor that cannot be used; nothing is written then.
    """
    if weights is not None and weights_out is None:
        raise UserError("--weights: expected --weights-out too, the file that receives the converted weights")
    with open_source(source) as found:
        design = _checked(read_design(found.imported.document), source)
        result = ImportedDesign(design, render(design))
        if weights_out is None:
            return result
        held = weights or found.weights
        if held is None:
            raise UserError(f"{source}: holds no weights; name them with --weights")
        return _write_weights(result, found.imported, held, weights_out)


@contextmanager
def open_source(source: str) -> Iterator[Source]:
    """Yield what the source says; weights that had to be unpacked live as long as the context."""
    path = Path(source)
    if path.is_dir() or path.suffix == ".json":
        yield Source(*read_config(path))
    else:
        raise UserError(
            f"{source}: expected a diffusers config.json or model folder, an ONNX file, or module:callable"
        )


def _checked(design: Design, source: str) -> Design:
    report = check(design)
    errors = [one for one in report.diagnostics if one.severity == "error"]
    if errors:
        raise UserError(
            f"{source}: describes no network that works; first of {len(errors)} errors: {errors[0].node}: {errors[0].message}"
        )
    return design


def _write_weights(result: ImportedDesign, imported: Imported, held: Path, out: Path) -> ImportedDesign:
    from designer.weights.checkpoint import read_checkpoint
    from designer.weights.convert import convert_file
    from designer.weights.shapes import state_shapes

    checkpoint = read_checkpoint(held)
    outputs = convert_file(imported.rules, checkpoint, state_shapes(result.rendering), out)
    return replace(result, weights=out, tensors=len(outputs), bytes=sum(one.size for one in outputs))
