"""A block on its own, as a design: inputs of the example's shapes, every output."""

from typing import Any

from designer import expressions
from designer.catalogue import catalogue
from designer.document import Design
from designer.reader import read_design
from designer.spec import BlockSpec, Example


def examples() -> list[tuple[BlockSpec, Example]]:
    """Every example of every block."""
    return [(spec, example) for spec in catalogue().values() for example in spec.examples]


def name_of(pair: tuple[BlockSpec, Example]) -> str:
    """A readable test id."""
    spec, example = pair
    return f"{spec.name}-{spec.examples.index(example)}"


def design_of(spec: BlockSpec, example: Example, shapes: dict[str, tuple[int | str, ...]]) -> Design:
    """Return a design whose main definition is one call of the block."""
    ports = {port.name: port for port in spec.inputs}
    inputs = [
        {
            "name": f"in_{name}",
            "role": ports[name].role,
            "shape": " ".join(map(str, shape)),
            "dtype": ports[name].dtype or ("int64" if ports[name].role == "class" else "float32"),
        }
        for name, shape in shapes.items()
    ]
    document: dict[str, Any] = {
        "format": "diffusion-design",
        "format_version": 1,
        "name": spec.name,
        "main": "Main",
        "training": {"sampling_only": True} if "inference_only" in spec.tags else {},
        "definitions": {
            "Main": {
                "inputs": inputs,
                "outputs": [
                    {"name": f"out_{port.name}", "role": "any", "from": ["block", port.name]}
                    for port in spec.outputs
                ],
                "nodes": {"block": {"call": spec.name, "params": example.params}},
                "edges": [[f"in_{name}", f"block.{name}"] for name in shapes],
            }
        },
    }
    return read_design(document)


def free_shapes(spec: BlockSpec, example: Example) -> dict[str, tuple[int | str, ...]]:
    """Return the example's shapes with a free batch B; an axis such as B*T keeps its multiple of B."""
    return {
        name: (shape[0] if times is None else "B" if times == 1 else f"{times}*B", *shape[1:])
        for name, shape, times in _batched(spec, example)
    }


def _batched(spec: BlockSpec, example: Example) -> list[tuple[str, tuple[int, ...], int | None]]:
    """Each input with its shape and how many times the batch its first axis is; None for no batch axis."""
    first = {port.name: port.shape.split()[0] for port in spec.inputs}
    plain = [
        shape[0]
        for name, shape in example.inputs.items()
        if shape and (first[name] == "B" or first[name][0] in "*~")
    ]
    found: list[tuple[str, tuple[int, ...], int | None]] = []
    for name, shape in example.inputs.items():
        names = {"B"} if first[name][0] in "*~" else expressions.names(first[name])
        found.append((name, shape, shape[0] // plain[0] if "B" in names and plain and shape else None))
    return found


def tensors(spec: BlockSpec, example: Example, batch: int | None = None, labels: int = 2) -> list[Any]:
    """Return random inputs of the example's shapes; labels (below `labels`) and timesteps where the ports say so."""
    import torch

    generator = torch.Generator().manual_seed(0)
    ports = {port.name: port for port in spec.inputs}
    found = []
    for name, shape, times in _batched(spec, example):
        size = shape if batch is None or times is None else (times * batch, *shape[1:])
        if (ports[name].dtype or "") == "int64" or ports[name].role == "class":
            found.append(torch.randint(0, labels, size, generator=generator))
        else:
            found.append(torch.randn(size, generator=generator))
    return found
