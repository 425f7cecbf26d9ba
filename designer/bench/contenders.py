"""The ways to run a network, each as a function of its inputs; child processes only."""

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from designer.export.exporter import build_model, example_inputs, named_outputs

Run = Callable[[], dict[str, Tensor]]


def contender(name: str, spec: Mapping[str, Any]) -> Run:
    """Return the contender `name`, loaded: each call runs the network once and waits for its end.

    Raises RuntimeError, with a reason for people, where it cannot run here.
    """
    inputs = example_inputs(spec, spec["at"], seed=1)
    if name == "ort":
        return _onnx(spec, inputs)
    if name == "compile":
        _require_compiler(spec["device"])
    model, _ = build_model(Path(spec["source"]), None, spec["weights_file"])
    model = model.to(spec["device"])
    if name == "compile":
        return _torch(torch.compile(model, fullgraph=True, dynamic=False), spec, inputs)
    return _torch(model, spec, inputs)


def _torch(model: nn.Module | Callable[..., Any], spec: Mapping[str, Any], inputs: dict[str, Tensor]) -> Run:
    device, values = spec["device"], [value.to(spec["device"]) for value in inputs.values()]
    half = spec["precision"] == "fp16"

    def run() -> dict[str, Tensor]:
        with (
            torch.inference_mode(),
            torch.autocast(device, torch.float16) if half else contextlib.nullcontext(),
        ):
            found = named_outputs(spec, model(*values))
        wait(device)
        return found

    return run


def _onnx(spec: Mapping[str, Any], inputs: dict[str, Tensor]) -> Run:
    from designer.export.binding import BoundSession
    from designer.export.session import open_session

    session = BoundSession(open_session(spec["onnx"], spec["device"], spec["threads"]))
    feeds = {name: value.to(spec["device"]) for name, value in inputs.items()}

    def run() -> dict[str, Tensor]:
        return session(feeds)

    return run


def wait(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def _require_compiler(device: str) -> None:
    """Raise RuntimeError where torch.compile has nothing to compile with."""
    if device == "cuda":
        from importlib.util import find_spec

        if find_spec("triton") is None:
            raise RuntimeError(
                "needs the package triton to compile for a GPU; install it with PyTorch's CUDA build"
            )
    elif not any(map(shutil.which, (os.environ.get("CXX") or "g++", "g++", "clang++", "cl"))):
        raise RuntimeError(
            "needs a C++ compiler, and finds none on PATH; install g++ or clang++, or name one in CXX"
        )
