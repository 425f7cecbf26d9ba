"""From a rendered module to an ONNX file, in the child process."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from designer import expressions
from designer.export.bisect import Traced
from designer.render import load_model
from designer.version import __version__

OPSET = 23  # native Attention, GroupNormalization and RMSNormalization
EXTERNAL_DATA_BYTES = 1_500_000_000
DTYPES = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}


def example_inputs(
    spec: Mapping[str, Any], point: Mapping[str, int], seed: int, timestep: float | None = None
) -> dict[str, Tensor]:
    """Return inputs by name at sizes `point`: noise, timesteps in [0, T), positive σ, labels within range."""
    generator = torch.Generator().manual_seed(seed)
    steps = int(spec["training"].get("timesteps", 1000))
    classes = int(spec["training"].get("num_classes", 2))
    found: dict[str, Tensor] = {}
    for tensor in spec["inputs"]:
        shape = [size_at(size, point) for size in tensor["shape"]]
        if tensor["role"] == "timestep":
            drawn = torch.rand(shape, generator=generator) * (steps - 1)
            value = torch.full(shape, float(timestep)) if timestep is not None else drawn.floor()
        elif tensor["role"] == "sigma":  # EDM's range, evenly in the logarithm
            drawn = torch.rand(shape, generator=generator)
            value = 0.002 * 40_000 ** (
                drawn if timestep is None else torch.full(shape, timestep / (steps - 1))
            )
        elif tensor["dtype"] == "int64":
            value = torch.randint(0, classes, shape, generator=generator)
        elif tensor["role"] == "mask":
            value = (torch.rand(shape, generator=generator) < 0.7).float()
        else:
            value = torch.randn(shape, generator=generator)
        found[tensor["name"]] = value.to(DTYPES[tensor["dtype"]])
    return found


def size_at(size: int | str, point: Mapping[str, int]) -> int:
    """Return a size such as 4, "H" or "8*H" at sizes `point`."""
    return size if isinstance(size, int) else int(expressions.evaluate(size, point))


def named_outputs(spec: Mapping[str, Any], output: Any) -> dict[str, Tensor]:
    """Return a model's output by name; the tensors of a list are numbered."""
    values = output if len(spec["outputs"]) > 1 else (output,)
    found: dict[str, Tensor] = {}
    for tensor, value in zip(spec["outputs"], values, strict=True):
        if isinstance(value, list):
            found |= {f"{tensor['name']}_{index}": one for index, one in enumerate(value)}
        else:
            found[tensor["name"]] = value
    return found


def build_model(source: Path, class_name: str | None, weights: str | None) -> tuple[nn.Module, str]:
    """Return the rendered model in `source` with its weights, the same at each call, and how to call the weights."""
    torch.manual_seed(0)
    model: nn.Module = load_model(source, class_name)()
    return model.eval(), load_weights(model, weights)


def load_weights(model: nn.Module, path: str | None) -> str:
    """Load a safetensors file, or draw every parameter at random; return how to call the weights.

    Raises ValueError when the file does not fit the model.
    """
    if path is not None:
        from safetensors.torch import load_file

        try:
            model.load_state_dict(load_file(path), strict=True)
        except Exception as error:
            raise ValueError(f"{path}: does not fit the model: {str(error)[:400]}") from None
        return "trained weights"
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return "random weights"


def dynamic_shapes(spec: Mapping[str, Any]) -> dict[str, dict[int, Any]]:
    """Return torch.export's description of the axes that may vary: multiples as the certificate says."""
    dims: dict[str, Any] = {}
    for name, axis in spec["axes"].items():
        modulus, high = axis["modulus"], axis["high"]
        smallest = 1 if name == "B" else max(1, -(-axis["low"] // modulus))
        bounds = {} if high is None else {"max": high // modulus}
        unit = torch.export.Dim(name if modulus == 1 else f"{name}_over_{modulus}", min=smallest, **bounds)
        dims[name] = (unit, modulus)
    return {
        tensor["name"]: {
            index: _dynamic(size, dims) for index, size in enumerate(tensor["shape"]) if isinstance(size, str)
        }
        for tensor in spec["inputs"]
    }


def _dynamic(size: str, dims: Mapping[str, tuple[Any, int]]) -> Any:
    """Return a multiple of the one dimension that a size such as "H", "8*H" or "H//2" follows, else leave it free."""
    names = expressions.names(size)
    if len(names) != 1 or not names <= dims.keys():
        return torch.export.Dim.AUTO
    (name,) = names
    unit, modulus = dims[name]
    factor, twice = (size_at(size, {name: times * modulus}) for times in (1, 2))
    if factor < 1 or twice != 2 * factor:
        return torch.export.Dim.AUTO
    return unit if factor == 1 else factor * unit


def export_model(
    model: nn.Module, spec: Mapping[str, Any], point: Mapping[str, int], path: Path
) -> tuple[list[str], list[Traced]]:
    """Write the ONNX file (weights beside it past 1.5 GB); return the names of the files, and of each value."""
    inputs = example_inputs(spec, point, seed=1)
    size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    external = size > EXTERNAL_DATA_BYTES
    with torch.no_grad():
        outputs = named_outputs(spec, model(*inputs.values()))
    program = torch.onnx.export(
        model,
        tuple(inputs.values()),
        dynamo=True,
        opset_version=OPSET,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=tuple(dynamic_shapes(spec).values()),
        external_data=external,
        verbose=False,
    )
    assert program is not None
    program.save(str(path), external_data=external)
    traced = stamp(path, spec)
    return [path.name, *([f"{path.name}.data"] if external else [])], traced


def stamp(path: Path, spec: Mapping[str, Any]) -> list[Traced]:
    """Strip the exporter's notes (they hold source paths) and write what the model is.

    Returns what the notes said of each value: which module computed it.
    """
    model = onnx.load(str(path), load_external_data=False)
    traced = [one for node in model.graph.node for one in _traced(node)]
    graphs = [model.graph, *model.functions]
    for graph in graphs:
        for node in graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
        del graph.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.metadata_props[:]
    training = spec["training"]
    facts = {
        "design": spec["design"]["name"],
        "design_hash": spec["design"]["hash"],
        "preset": spec["design"]["preset"],
        "prediction": str(training.get("prediction", "epsilon")),
        "schedule": str(training.get("schedule", "linear")),
        "timesteps": str(training.get("timesteps", 1000)),
        "precision": spec["precision"],
        "designer": __version__,
        "torch": torch.__version__,
        "onnx": onnx.__version__,
    }
    onnx.helper.set_model_props(model, facts)
    model.producer_name, model.doc_string = "diffusion-architecture-designer", ""
    onnx.save(model, str(path))
    onnx.checker.check_model(str(path), full_check=True)
    return traced


def _traced(node: onnx.NodeProto) -> list[Traced]:
    """Return the exporter's note on a node's first value; the last scope is the operator's own."""
    notes = {one.key: one.value for one in node.metadata_props}
    scopes = re.findall(r"'([^']*)'", notes.get("pkg.torch.onnx.name_scopes", ""))
    return [Traced(scopes[-2], node.output[0], node.op_type)] if len(scopes) > 1 else []
