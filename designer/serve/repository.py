"""The models of a folder: DIR/model.onnx, or DIR/NAME[/VERSION]/model.onnx."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from designer.errors import UserError
from designer.export.session import open_session
from designer.export.sizes import admits, text
from designer.serve.tensors import DATATYPES, InferenceError

MODEL_FILE = "model.onnx"


@dataclass
class Statistics:
    """Counts and seconds of the requests that a model answered."""

    succeeded: int = 0
    failed: int = 0
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, good: bool, seconds: float) -> None:
        """Add one request."""
        with self.lock:
            self.succeeded += good
            self.failed += not good
            self.seconds += seconds


class Model:
    """One loaded model: its session, the tensors it takes and gives."""

    def __init__(self, name: str, version: str, path: Path, device: str = "auto") -> None:
        self.name, self.version, self.path = name, version, path
        self.session = open_session(path, device)
        self.inputs = {one.name: _tensor(one) for one in self.session.get_inputs()}
        self.outputs = {one.name: _tensor(one) for one in self.session.get_outputs()}
        self.symbols = {one.name: one.shape for one in self.session.get_inputs()}
        self.axes = _axes(path)
        self.statistics = Statistics()

    def metadata(self) -> dict[str, Any]:
        """Return the model's metadata as the protocol has it."""
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "onnxruntime_onnx",
            "inputs": list(self.inputs.values()),
            "outputs": list(self.outputs.values()),
        }

    def config(self) -> dict[str, Any]:
        """Return the model's configuration in the form that Triton clients read."""
        return {
            "name": self.name,
            "platform": "onnxruntime_onnx",
            "backend": "onnxruntime",
            "max_batch_size": 0,
            "input": [_config(one) for one in self.inputs.values()],
            "output": [_config(one) for one in self.outputs.values()],
        }

    def infer(
        self, feeds: Mapping[str, np.ndarray[Any, Any]], wanted: list[str]
    ) -> list[np.ndarray[Any, Any]]:
        """Run the model on checked inputs. Raises InferenceError for inputs that do not fit."""
        started = time.perf_counter()
        good = False
        try:
            self._check(feeds, wanted)
            result: list[np.ndarray[Any, Any]] = self.session.run(wanted, dict(feeds))
            good = True
            return result
        except InferenceError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise InferenceError(f"{self.name}: the model refused the input: {reason}") from None
        finally:
            self.statistics.count(good, time.perf_counter() - started)

    def _check(self, feeds: Mapping[str, np.ndarray[Any, Any]], wanted: list[str]) -> None:
        for name in wanted:
            if name not in self.outputs:
                raise InferenceError(f"{self.name} has no output {name!r}; it has {', '.join(self.outputs)}")
        for name, value in feeds.items():
            if name not in self.inputs:
                raise InferenceError(f"{self.name} has no input {name!r}; it has {', '.join(self.inputs)}")
            self._check_one(name, value)
        missing = [name for name in self.inputs if name not in feeds]
        if missing:
            raise InferenceError(f"{self.name}: the input {missing[0]!r} is missing")

    def _check_one(self, name: str, value: np.ndarray[Any, Any]) -> None:
        declared = self.inputs[name]
        expected = DATATYPES[declared["datatype"]]
        if value.dtype != expected:
            raise InferenceError(f"input {name!r}: received {value.dtype}, expected {declared['datatype']}")
        shape = declared["shape"]
        fits = len(shape) == value.ndim and all(
            want in (-1, got) for want, got in zip(shape, value.shape, strict=True)
        )
        if not fits or 0 in value.shape:
            raise InferenceError(
                f"input {name!r}: received shape {list(value.shape)}, expected {shape} (-1: any size)"
            )
        for symbol, size in zip(self.symbols[name], value.shape, strict=True):
            if symbol in self.axes and not admits(self.axes[symbol], size):
                raise InferenceError(
                    f"input {name!r}: {symbol} = {size} does not fit; {text(self.axes[symbol])}"
                )
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            raise InferenceError(f"input {name!r} holds NaN or infinity; expected finite numbers")


_ONNX_TYPES = {
    "tensor(float)": "FP32",
    "tensor(float16)": "FP16",
    "tensor(double)": "FP64",
    "tensor(int64)": "INT64",
    "tensor(int32)": "INT32",
    "tensor(bool)": "BOOL",
}


def _axes(path: Path) -> dict[str, Any]:
    """The sizes that the design admits, from the report beside the model; {} for a model from elsewhere."""
    try:
        axes = json.loads(path.with_name("export.json").read_text(encoding="utf-8"))["axes"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return axes if isinstance(axes, dict) else {}


def _tensor(value: Any) -> dict[str, Any]:
    shape = [size if isinstance(size, int) else -1 for size in value.shape]
    return {"name": value.name, "datatype": _ONNX_TYPES[value.type], "shape": shape}


def _config(tensor: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": tensor["name"], "data_type": f"TYPE_{tensor['datatype']}", "dims": tensor["shape"]}


class Repository:
    """Every model below a folder, newest version first."""

    def __init__(self, directory: Path, device: str = "auto") -> None:
        if not directory.is_dir():
            raise UserError(f"{directory}: no such folder; expected an export, or a folder of exports")
        self.models: dict[str, dict[str, Model]] = {}
        for name, version, path in _find(directory):
            self.models.setdefault(name, {})[version] = Model(name, version, path, device)
        if not self.models:
            raise UserError(
                f"{directory}: holds no {MODEL_FILE}; make one with `designer export DESIGN -o DIR`"
            )

    def get(self, name: str, version: str = "") -> Model:
        """Return a model, its newest version by default. Raises KeyError with a message."""
        versions = self.models.get(name)
        if versions is None:
            raise KeyError(f"no model is named {name!r}; there are {', '.join(self.models)}")
        newest = max(versions, key=lambda text: (int(text) if text.isdigit() else -1, text))
        if version and version not in versions:
            raise KeyError(f"{name} has no version {version!r}; it has {', '.join(sorted(versions))}")
        return versions[version or newest]

    def all(self) -> list[Model]:
        """Return every version of every model."""
        return [model for versions in self.models.values() for model in versions.values()]


def _find(directory: Path) -> list[tuple[str, str, Path]]:
    if (directory / MODEL_FILE).is_file():
        return [(_name(directory), "1", directory / MODEL_FILE)]
    found = []
    for path in sorted(directory.glob(f"*/{MODEL_FILE}")):
        found.append((path.parent.name, "1", path))
    for path in sorted(directory.glob(f"*/*/{MODEL_FILE}")):
        if path.parent.name.isdigit():
            found.append((path.parent.parent.name, path.parent.name, path))
    return found


def _name(directory: Path) -> str:
    """The name of a single export: its folder's, or the preset's when the folder has none to speak of."""
    try:
        preset = json.loads((directory / "export.json").read_text(encoding="utf-8"))["design"]["preset"]
    except (OSError, ValueError, KeyError):
        preset = ""
    return str(preset or directory.resolve().name)
