"""Blocks at sizes and parameters that their examples do not have: does the check agree with PyTorch?"""

import copy
import inspect
import random
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from designer import expressions
from designer.check import CheckReport, check
from designer.errors import UserError
from designer.render import load_model, render
from designer.shapes.values import Tensor
from designer.spec import BlockSpec, Example, Param
from tests.blocks.loading import target
from tests.contract.harness import design_of, examples, tensors

Verdict = Literal[
    "runs as inferred", "refused, fails in PyTorch", "refused, PyTorch runs it", "false acceptance"
]
EXAMPLES = examples()


@dataclass(frozen=True)
class Outcome:
    """What the check said of one changed example, beside what PyTorch did with it."""

    verdict: Verdict
    block: str
    example: Example
    reason: str = ""


def changed(rng: random.Random) -> tuple[BlockSpec, Example]:
    """Return an example with another axis, rank, parameter, or with one size replaced wherever it occurs."""
    spec, example = rng.choice(EXAMPLES)
    shapes = {name: list(shape) for name, shape in example.inputs.items()}
    params = copy.deepcopy(example.params)
    kind = rng.choice(["axis", "axis", "everywhere", "everywhere", "rank", "parameter"])
    name = rng.choice([*shapes]) if shapes else ""
    if kind == "axis" and shapes.get(name):
        axis = rng.randrange(len(shapes[name]))
        shapes[name][axis] = rng.choice(
            [1, shapes[name][axis] + 1, 2 * shapes[name][axis], rng.randint(1, 12)]
        )
    elif kind == "everywhere" and shapes.get(name):
        old, new = rng.choice(shapes[name]), rng.randint(1, 24)
        shapes = {port: [new if one == old else one for one in shape] for port, shape in shapes.items()}
        params = {key: new if value == old and type(value) is int else value for key, value in params.items()}
    elif kind == "rank" and shapes.get(name):
        axis = rng.randrange(len(shapes[name]))
        shapes[name][axis : axis + 1] = [] if rng.random() < 0.5 else [shapes[name][axis], 2]
    elif spec.params:
        param = rng.choice(spec.params)
        value = _other(rng, param)
        params |= {} if value is None else {param.name: value}
    return spec, Example({port: tuple(shape) for port, shape in shapes.items()}, params)


def _other(rng: random.Random, param: Param) -> Any:
    if param.choices:
        return rng.choice(param.choices)
    values: dict[str, Any] = {
        "int": rng.randint(0, 9), "bool": rng.random() < 0.5, "float": rng.choice([0.0, 0.5, 1.0, 2.0]),
    }  # fmt: skip
    return values.get(param.type)


def judge(seed: int) -> Outcome | None:
    """Check a changed example and run it; None where its form alone is refused."""
    spec, example = changed(random.Random(seed))
    try:
        design = design_of(spec, example, dict(example.inputs))
    except UserError:
        return None
    report = check(design)
    if report.ok:
        model = load_model(render(design))().eval()
        problem = run(model, spec, example, _inferred(report))
        return Outcome("false acceptance" if problem else "runs as inferred", spec.name, example, problem)
    reason = report.diagnostics[0].message
    if not _buildable(spec):
        return None
    return Outcome(
        "refused, PyTorch runs it" if _runs(spec, example) else "refused, fails in PyTorch",
        spec.name, example, f"{report.diagnostics[0].code} {reason}",
    )  # fmt: skip


def _inferred(report: CheckReport) -> list[tuple[Any, ...]]:
    assert report.frame is not None
    return [one.shape for one in report.frame.outputs.values() if isinstance(one, Tensor)]


def run(model: nn.Module, spec: BlockSpec, example: Example, inferred: list[tuple[Any, ...]]) -> str:
    """Return how PyTorch departs from the inferred shapes of the outputs, "" if it does not."""
    try:
        with torch.no_grad():
            result = model(*tensors(spec, example, labels=1))
    except Exception as error:  # whatever it raises, it does not run
        return f"PyTorch: {type(error).__name__}: {error}"
    results = result if isinstance(result, (tuple, list)) else (result,)
    real = [tuple(torch.as_tensor(one).shape) for one in results]
    return "" if real == inferred else f"inferred {inferred}, it gives {real}"


def _buildable(spec: BlockSpec) -> bool:
    """Whether the block can be called directly: stacks and calls of other blocks need a design around them."""
    return not any(port.stack for port in (*spec.inputs, *spec.outputs)) and not any(
        param.type == "block" for param in spec.params
    )


def _runs(spec: BlockSpec, example: Example) -> bool:
    """Whether PyTorch runs the block with these parameters on these inputs, whatever the check says of it."""
    values = {param.name: param.default for param in spec.params} | _sizes(spec, example) | example.params
    inputs = dict(zip(example.inputs, tensors(spec, example, labels=1), strict=True))
    try:
        with torch.no_grad():
            _call(spec, values, inputs)
    except Exception:  # whatever it raises, it does not run
        return False
    return True


def _sizes(spec: BlockSpec, example: Example) -> dict[str, Any]:
    """The sizes that a plain axis name of a port gives to an inferred parameter: the first one counts."""
    found: dict[str, Any] = {}
    for port in spec.inputs:
        for axis, size in zip(port.shape.split(), example.inputs.get(port.name, ()), strict=False):
            found.setdefault(axis, size)
    return {param.name: found[param.name] for param in spec.params if param.inferred and param.name in found}


def _call(spec: BlockSpec, values: dict[str, Any], inputs: dict[str, Any]) -> Any:
    given = {
        param.name: _evaluated(values[param.name], values)
        for param in spec.params
        if not param.structural and values[param.name] is not None
    }
    if spec.kind == "expression":
        texts = {name: name for name in (*given, *inputs)}
        return eval(
            spec.target.format(**texts), {"torch": torch, "nn": nn, "F": nn.functional}, {**given, **inputs}
        )
    if spec.kind == "function":
        return target(spec.name)(*inputs.values(), **given)
    kind = getattr(nn, spec.target.removeprefix("nn.")) if spec.kind == "torch" else target(spec.name)
    positional = [given.pop(param.name) for param in spec.params if param.positional and param.name in given]
    known = inspect.signature(kind).parameters
    return kind(*positional, **{name: one for name, one in given.items() if name in known}).eval()(
        *inputs.values()
    )


def _evaluated(value: Any, values: dict[str, Any]) -> Any:
    """A default may be an expression of the other parameters, such as "4*hidden_size"."""
    if not isinstance(value, str):
        return value
    try:
        return expressions.evaluate(value, {name: one for name, one in values.items() if one is not None})
    except expressions.ExpressionError:
        return value
