"""Parity with diffusers: the same weights and inputs through the reference and through the import."""

import inspect
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor, nn

from designer.check import check
from designer.importers import Importer, convert_config
from designer.importers.weights import convert
from designer.reader import read_design
from designer.render import Rendering, load_model, render

CONFIGURATIONS = Path(__file__).with_name("diffusers_configs.json")
TOLERANCE = 1e-5  # of the largest magnitude of the reference's output, in fp32


@dataclass(frozen=True)
class Parity:
    """The largest difference over all outputs, relative to the scale of each, and how many were compared."""

    error: float
    outputs: int
    parameters: int


def configurations(*classes: str) -> list[dict[str, Any]]:
    """Return the committed configurations of some classes: id, constructor, kwargs, inputs, param_count."""
    listed: list[dict[str, Any]] = json.loads(CONFIGURATIONS.read_text(encoding="utf-8"))["configs"]
    return [one for one in listed if one["constructor"] in classes]


def compare(
    class_name: str,
    arguments: Mapping[str, Any],
    inputs: Mapping[str, Any],
    known: Mapping[str, Importer] | None = None,
    seed: int = 0,
) -> Parity:
    """Build the diffusers class with random weights, import its configuration, and compare all outputs.

    `inputs` are those of the reference's forward, described as in diffusers_configs.json or as tensors.
    """
    torch.manual_seed(seed)
    reference = randomize(getattr(diffusers, class_name)(**arguments).eval())
    values = {name: tensor_of(value) for name, value in inputs.items()}
    imported = convert_config({"_class_name": class_name, **arguments}, known)
    design = read_design(imported.document)
    report = check(design)
    assert report.ok, [one.to_json() for one in report.diagnostics]
    rendering = render(design)
    assert_in_order(rendering, reference, values)
    model = load_model(rendering)().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    model.load_state_dict(convert(imported.rules, reference.state_dict(), shapes), strict=True)
    with torch.no_grad():
        wanted = list(
            leaves(reference(**values, return_dict=False) if has_dict(reference) else reference(**values))
        )
        found = list(leaves(model(*[flat_inputs(values)[one.name] for one in rendering.inputs])))
    return Parity(difference(found, wanted), len(wanted), sum(one.numel() for one in model.parameters()))


def difference(found: list[Tensor], wanted: list[Tensor]) -> float:
    """Return the largest difference, each output relative to its largest magnitude. Shapes must be equal."""
    assert [tuple(one.shape) for one in found] == [tuple(one.shape) for one in wanted]
    errors = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, wanted, strict=True)]
    assert all(error == error for error in errors), "an output is not finite"
    _log(max(errors))
    return max(errors)


def _log(error: float) -> None:
    """Tell the benchmark `coverage` what the running test measured, if it asks."""
    path, test = os.environ.get("PARITY_LOG"), os.environ.get("PYTEST_CURRENT_TEST", "")
    if path:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"test": test.rpartition(" ")[0], "error": error}) + "\n")


def randomize(model: nn.Module) -> nn.Module:
    """Give every parameter a random value, those that start at 0 too, so that each has an effect."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=(parameter.numel() / parameter.shape[0]) ** -0.5)
            else:
                nn.init.normal_(parameter, mean=float(name.endswith("weight")), std=0.1)
    return model


def tensor_of(spec: Any) -> Any:
    """Return what a described input stands for: a tensor, a list or dictionary of them, or a plain value."""
    if isinstance(spec, (list, tuple)):
        return [tensor_of(one) for one in spec]
    if not isinstance(spec, Mapping):
        return spec
    if not spec.get("tensor"):
        return {name: tensor_of(one) for name, one in spec.items()}
    dtype = getattr(torch, spec["dtype"])
    if "value" in spec:
        return torch.tensor(spec["value"], dtype=dtype).reshape(spec["shape"])
    if "fill" in spec:
        return torch.full(spec["shape"], spec["fill"], dtype=dtype)
    if dtype.is_floating_point:
        return torch.randn(spec["shape"], dtype=dtype)
    return torch.randint(spec["min"], spec["max"] + 1, spec["shape"], dtype=dtype)


def flat_inputs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs by name, the keys of a nested dictionary by their own names; no switches, no nulls."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat_inputs(value))
        elif isinstance(value, (Tensor, list)):
            found[name] = value
    return found


def assert_in_order(rendering: Rendering, reference: nn.Module, values: Mapping[str, Any]) -> None:
    """The design takes exactly the given inputs, in the order of the source's forward."""
    order = [name for name in inspect.signature(reference.forward).parameters if name in values]
    wanted = list(flat_inputs({name: values[name] for name in order}))
    assert [one.name for one in rendering.inputs] == wanted


def has_dict(reference: nn.Module) -> bool:
    """Whether the reference's forward can return plain tuples on request."""
    return "return_dict" in inspect.signature(reference.forward).parameters


def leaves(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested lists and tuples."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from leaves(one)
