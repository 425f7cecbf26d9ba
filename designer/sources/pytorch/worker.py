"""The child process that executes foreign code: imports the callable, exports it, traces it, saves its weights."""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

from designer.child import answer
from designer.errors import UserError


def run(question: dict[str, Any]) -> dict[str, Any]:
    """Return the document, the unknown operators and the rules of the weights, which are saved in a file."""
    import torch

    from designer.sources.pytorch.inputs import resolve

    sys.path.insert(0, question["folder"])
    torch.backends.mha.set_fastpath_enabled(False)
    source = question["source"]
    module, (args, kwargs) = resolve(_load(source), source)
    failure: Exception | None = None
    found: list[dict[str, Any]] = []
    for strict in (False, True):
        for shapes in _freedoms(args, kwargs):
            try:
                program = torch.export.export(module, args, kwargs, dynamic_shapes=shapes, strict=strict)
                _verify(program, module, args, kwargs)
                found.append(_traced(program, type(module).__name__, question["weights"]))
            except Exception as error:  # sizes that the network fixes; try again with fewer free ones
                failure = error
                continue
            if not found[-1]["unknown"]:
                return found[-1]
        if found:
            return min(found, key=lambda one: len(one["unknown"]))
    text = " ".join(str(failure).split())[:600]
    raise UserError(f"{source}: torch.export cannot export it: {type(failure).__name__}: {text}")


def _verify(program: Any, module: Any, args: Any, kwargs: Any) -> None:
    """Raise ValueError where the recorded program computes something else than the network that it was made of."""
    import torch

    def leaves(network: Any) -> list[Any]:
        with torch.no_grad():
            result = network(*args, **kwargs)
        return [one for one in torch.utils._pytree.tree_leaves(result) if isinstance(one, torch.Tensor)]

    first, again = leaves(module), leaves(module)
    if any(not torch.equal(a, b) for a, b in zip(first, again, strict=True)):
        return  # it draws random numbers: nothing to compare with
    for a, b in zip(first, leaves(program.module()), strict=True):
        error = float((a - b).abs().max()) if a.is_floating_point() and a.numel() else 0.0
        if error > 1e-4 * max(1.0, float(a.abs().max())):
            raise ValueError(
                f"what it records departs from the network by {error:.1e}: does the network write into .data, or "
                "into a tensor outside the graph?"
            )


def _load(source: str) -> Any:
    name, _, path = source.partition(":")
    try:
        found: Any = importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"{source}: the module {name!r} cannot be imported ({error})") from None
    for part in path.split("."):
        if not hasattr(found, part):
            raise UserError(f"{source}: {name!r} has no {path!r}")
        found = getattr(found, part)
    return found


def _freedoms(args: Any, kwargs: Any) -> Iterator[Any]:
    """Which sizes of the inputs stay free: every one, the batch alone, none."""
    import torch
    from torch.export import Dim

    def free(limit: int) -> Any:
        def axes(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return None
            return {axis: Dim.AUTO for axis, size in enumerate(value.shape[:limit]) if size > 1}

        mapped = torch.utils._pytree.tree_map(axes, (args, kwargs))
        return (*mapped[0], *mapped[1].values()) if not kwargs else {**_named(args, mapped[0]), **mapped[1]}

    def _named(values: Any, mapped: Any) -> dict[str, Any]:
        return {f"arg_{index}": one for index, one in enumerate(mapped)} if values else {}

    yield free(99)
    yield free(1)
    yield None


def _traced(program: Any, name: str, path: str) -> dict[str, Any]:
    from safetensors.torch import save_file

    from designer.sources.graph.assemble import assemble
    from designer.sources.pytorch import axes, layers, operators  # noqa: F401  (they register themselves)
    from designer.sources.pytorch.table import TABLE
    from designer.sources.pytorch.tracer import Tracer

    tracer = Tracer(program, TABLE)
    trace = tracer.run()
    made = assemble(trace, name)
    tensors = {
        key: tracer.tensors[source].detach().contiguous().clone() for key, source in made.weights.items()
    }
    save_file(tensors, path)
    return {"document": made.document, "unknown": [str(one) for one in trace.unknown]}


if __name__ == "__main__":
    raise SystemExit(answer(run))
