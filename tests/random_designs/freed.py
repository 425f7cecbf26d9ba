"""Blocks with sizes left free: the certificate says which sizes run, and PyTorch is asked at its ends and between."""

import random
from dataclasses import replace
from typing import Any

from torch import nn

from designer.check import CheckReport, check
from designer.dims import Dim
from designer.errors import UserError
from designer.render import load_model, render
from designer.shapes.certificate import Certificate
from designer.shapes.values import Tensor
from designer.spec import BlockSpec, Example
from tests.contract.harness import design_of
from tests.random_designs.perturbed import EXAMPLES, Outcome, run

LARGEST = 24


def judge(seed: int) -> list[Outcome]:
    """Free some sizes of an example; run it at admitted sizes and at sizes that the certificate leaves out."""
    rng = random.Random(seed)
    spec, example = rng.choice(EXAMPLES)
    shapes, names = freed(rng, example)
    try:
        design = design_of(spec, example, shapes)
    except UserError:
        return []
    report = check(design)
    if report.certificate is None or not report.ok or not names:
        return []
    model = load_model(render(design))().eval()
    return [
        one
        for point in _points(rng, report.certificate)
        if (one := _at(point, report, model, spec, example, shapes)) is not None
    ]


def freed(rng: random.Random, example: Example) -> tuple[dict[str, tuple[int | str, ...]], set[str]]:
    """Return the example's shapes with a symbol for some of its sizes, the same one wherever a size occurs."""
    sizes = sorted({size for shape in example.inputs.values() for size in shape})
    names = {size: f"S{size}" for size in sizes if rng.random() < 0.5}
    shapes = {port: tuple(names.get(size, size) for size in shape) for port, shape in example.inputs.items()}
    return shapes, set(names.values())


def _points(rng: random.Random, certificate: Certificate) -> list[dict[str, int]]:
    """The smallest admitted sizes, random ones, and random ones that may not be admitted."""
    points = [{axis.name: size for axis in certificate.axes for size in axis.first(1)}]
    for _ in range(2):
        points.append({axis.name: rng.choice(axis.first(6)) for axis in certificate.axes})
    for _ in range(3):
        points.append({axis.name: rng.randint(1, LARGEST) for axis in certificate.axes})
    return points


def admits(certificate: Certificate, point: dict[str, int]) -> bool:
    """Whether the certificate holds at these sizes, its relations between axes included."""
    return all(axis.admits(point[axis.name]) for axis in certificate.axes) and all(
        one.holds(point) for one in certificate.relations
    )


def _at(
    point: dict[str, int],
    report: CheckReport,
    model: nn.Module,
    spec: BlockSpec,
    example: Example,
    shapes: dict[str, tuple[int | str, ...]],
) -> Outcome | None:
    """Compare the certificate's word at one point with what PyTorch does there."""
    assert report.certificate is not None and report.frame is not None
    sized = {
        port: tuple(point[size] if isinstance(size, str) else size for size in shape)
        for port, shape in shapes.items()
    }
    here = replace(example, inputs=sized)
    admitted = admits(report.certificate, point)
    inferred: list[Any] = []
    if admitted:
        inferred = [
            tuple(Dim.of(size).evaluate(point) for size in one.shape)
            for one in report.frame.outputs.values()
            if isinstance(one, Tensor)
        ]
    problem = run(model, spec, here, inferred)
    if admitted:
        return Outcome("false acceptance" if problem else "runs as inferred", spec.name, here, problem)
    failed = problem.startswith("PyTorch")
    return Outcome(
        "refused, fails in PyTorch" if failed else "refused, PyTorch runs it",
        spec.name,
        here,
        str(report.certificate),
    )
