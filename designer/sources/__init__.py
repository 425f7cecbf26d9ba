"""`designer import`: a configuration, an ONNX file or a Python callable becomes a design and its weights."""

import re
import tempfile
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
from designer.weights.file import Output

_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*\Z")


@dataclass(frozen=True)
class Source:
    """What a source says: its design and weight rules, where its weights lie, the operators without block.

    A graph is any network: a design that the rules find wrong is still one to edit.
    """

    imported: Imported
    weights: Path | None = None
    unknown: tuple[str, ...] = ()
    is_graph: bool = False


@dataclass(frozen=True)
class ImportedDesign:
    """An import: the design; its rendering and the weights that were written, unless there are problems."""

    design: Design
    rendering: Rendering | None
    weights: Path | None = None
    outputs: tuple[Output, ...] = ()
    unknown: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `designer import --json` prints, beside the name of the file."""
        entry: dict[str, Any] = self.rendering.to_json() if self.rendering else {}
        entry.pop("files", None)
        size = sum(one.size for one in self.outputs)
        written = {"path": str(self.weights), "tensors": len(self.outputs), "bytes": size}
        weights = written if self.weights else None
        problems = {"unknown": list(self.unknown), "errors": list(self.errors)}
        return {"name": self.design.name, **entry, "weights": weights, **problems}


def import_source(
    source: str, weights: Path | None = None, weights_out: Path | None = None
) -> ImportedDesign:
    """Import a design and, where `weights_out` is given, write its weights for the rendered model.

    The weights are those of `weights`, else those that the source holds. Operators that no block stands for
    are listed; nodes of their names stand for them, and the weights are not written. Raises UserError naming
    the argument or tensor that cannot be used; nothing is written then.
    """
    if weights is not None and weights_out is None:
        raise UserError("--weights: expected --weights-out too, the file that receives the converted weights")
    with open_source(source) as found:
        design = read_design(found.imported.document)
        errors = () if found.unknown else _errors(design)
        if errors and not found.is_graph:
            raise UserError(
                f"{source}: describes no network that works; first of {len(errors)} errors: {errors[0]}"
            )
        if found.unknown or errors:
            return ImportedDesign(design, None, unknown=found.unknown, errors=errors)
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
        imported, held = read_config(path)
        yield Source(imported, held)
        return
    with tempfile.TemporaryDirectory(prefix="designer-import-") as folder:
        unpacked = Path(folder, "weights.safetensors")
        if path.suffix == ".onnx":
            from designer.sources.onnx.source import read_onnx

            imported, unknown = read_onnx(path, unpacked)
        elif _CALLABLE.match(source) and not path.exists():
            from designer.sources.pytorch.source import read_callable

            imported, unknown = read_callable(source, unpacked)
        else:
            raise UserError(
                f"{source}: expected a diffusers config.json or model folder, an ONNX file, or module:callable"
            )
        yield Source(imported, unpacked, tuple(unknown), is_graph=True)


def _errors(design: Design) -> tuple[str, ...]:
    found = [one for one in check(design).diagnostics if one.severity == "error"]
    return tuple(f"{one.node}: {one.message}" for one in found)


def _write_weights(result: ImportedDesign, imported: Imported, held: Path, out: Path) -> ImportedDesign:
    from designer.weights.checkpoint import read_checkpoint
    from designer.weights.convert import convert_file

    assert result.rendering is not None
    checkpoint = read_checkpoint(held)
    outputs = convert_file(imported.rules, checkpoint, result.rendering.state, out)
    return replace(result, weights=out, outputs=tuple(outputs))
