"""Where an export first differs from PyTorch: module by module, in the order in which they run."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from designer.export.report import Comparison, Difference
from designer.export.session import open_session
from designer.origin import Known
from designer.train.names import design_nodes

AT_A_TIME = 64  # values that one run of the graph puts out


@dataclass(frozen=True)
class Traced:
    """A value of the graph: the module that computed it, "" for the whole, and the operator."""

    module: str
    value: str
    operator: str


def first_difference(
    model: nn.Module,
    path: Path,
    traced: Sequence[Traced],
    inputs: Mapping[str, Tensor],
    known: Iterable[Known],
    limit: float,
    error: float,
) -> Difference | None:
    """Return the first module whose output in ONNX Runtime is far from PyTorch's, if any.

    Far is half way, in the logarithm, from the `limit` that an output keeps to the `error` that it has:
    rounding inside a network may pass the limit without harm. `traced` are the values of the graph in order,
    `known` the nodes of its classes.
    """
    far = math.sqrt(limit * (max(error, limit) if math.isfinite(error) else 1.0))
    last = {module: one for one in traced for module in _enclosing(one.module)}
    order = [module for module in call_order(model, inputs) if module in last]
    nodes = design_nodes(model, known)
    for start in range(0, len(order), AT_A_TIME):
        group = order[start : start + AT_A_TIME]
        expected = outputs_of(model, group, inputs)
        received = values_of(path, sorted({last[module].value for module in group}), inputs)
        for module in group:
            want, got = expected[module], received.get(last[module].value)
            if got is None or got.shape != want.shape:
                continue  # the exporter's optimiser moved it elsewhere
            own = relative_l2(want, got)
            if not own <= far:
                return Difference(nodes[module], module, last[module].operator, own)
    return None


def relative_l2(want: Any, got: Any) -> float:
    """Return ‖got − want‖ / ‖want‖ in double precision."""
    exact = want.astype(np.float64)
    return float(np.linalg.norm(got.astype(np.float64) - exact)) / max(float(np.linalg.norm(exact)), 1e-30)


def severity(compared: Comparison) -> float:
    """Return the error of a comparison, no number being the worst."""
    error = compared.relative_l2
    return error if math.isfinite(error) else math.inf


def _enclosing(module: str) -> list[str]:
    """Return a module's name and those of the modules around it, without the whole model."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)] if module else []


def call_order(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[str]:
    """Return the modules that are called once and put out one tensor of floats, in the order in which they end."""
    calls: dict[str, list[Any]] = {}

    def note(name: str, output: Any) -> None:
        calls.setdefault(name, []).append(isinstance(output, Tensor) and output.is_floating_point())

    _observe(model, [name for name, _ in model.named_modules() if name], inputs, note)
    return [name for name, floats in calls.items() if floats == [True]]


def outputs_of(model: nn.Module, names: Sequence[str], inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the output of each named module as an array."""
    found: dict[str, Any] = {}
    _observe(model, names, inputs, lambda name, output: found.update({name: output.numpy().copy()}))
    return found


def _observe(
    model: nn.Module, names: Sequence[str], inputs: Mapping[str, Tensor], see: Callable[[str, Any], None]
) -> None:
    """Run the model while `see` is told each named module's output."""

    def hook(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: see(name, output)

    handles = [model.get_submodule(name).register_forward_hook(hook(name)) for name in names]
    try:
        with torch.no_grad():
            model(*inputs.values())
    finally:
        for handle in handles:
            handle.remove()


def values_of(path: Path, names: Sequence[str], inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return values inside an ONNX file for these inputs; names that are not in it are left out."""
    model = onnx.load(str(path), load_external_data=False)
    present = {value for node in model.graph.node for value in node.output}
    chosen = [name for name in names if name in present]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in chosen)
    opened = path.with_name("bisect.onnx")  # beside the file, whose weights may lie outside it
    onnx.save(model, str(opened))
    try:
        session = open_session(opened, "cpu")
        wanted = {one.name for one in session.get_inputs()}
        feeds = {name: value.numpy() for name, value in inputs.items() if name in wanted}
        return dict(zip(chosen, session.run(None, feeds), strict=True))
    finally:
        opened.unlink()
