"""Random damage to real designs: refused, judged wrong, or as good as new. Never a crash, never code that does not run."""

import copy
import json
import random
from typing import Any

import pytest
import torch

from designer.check import CheckReport, check
from designer.dims import Dim
from designer.document import Design, dumps, loads, to_json
from designer.errors import UserError
from designer.examples import teaching_designs
from designer.presets import build
from designer.reader import read_design
from designer.render import load_model, render
from designer.shapes.values import Tensor
from designer.summary import summarize
from tests.fuzz.damage import damage

DESIGNS = (*teaching_designs().values(), build("ddpm-tiny"), build("dit-tiny", {"depth": 2}))
DOCUMENTS = [json.loads(json.dumps(to_json(design))) for design in DESIGNS]


def _damaged(rng: random.Random) -> dict[str, Any]:
    """A design with one to three values removed, replaced, swapped or doubled."""
    document: dict[str, Any] = copy.deepcopy(rng.choice(DOCUMENTS))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        damage(rng, document)
    return document


def _run(design: Design, report: CheckReport) -> None:
    """Render and run at the second smallest sizes that the certificate admits; compare counts and shapes."""
    assert report.certificate is not None and report.frame is not None
    rendering = render(design)
    model = load_model(rendering)().eval()
    assert summarize(design).parameters == sum(one.numel() for one in model.parameters())
    point = {axis.name: axis.first(2)[-1] for axis in report.certificate.axes}
    if report.certificate.relations:
        return
    inputs = [
        torch.ones([point.get(str(size), size) for size in one.shape], dtype=getattr(torch, one.dtype))
        for one in rendering.inputs
    ]
    with torch.no_grad():
        out = model(*inputs)
    found = [one for one in (out if isinstance(out, tuple) else (out,)) if isinstance(one, torch.Tensor)]
    inferred = [one.shape for one in report.frame.outputs.values() if isinstance(one, Tensor)]
    assert [tuple(one.shape) for one in found] == [
        tuple(Dim.of(size).evaluate(point) for size in shape) for shape in inferred
    ]


def _judge(seed: int) -> None:
    try:
        design = read_design(_damaged(random.Random(seed)))
    except UserError:
        return
    assert loads(dumps(design)) == design
    report = check(design)
    assert all(one.message and one.node for one in report.diagnostics)
    if report.ok:
        _run(design, report)
        return
    with pytest.raises(UserError):
        render(design)


@pytest.mark.parametrize("seed", range(120))
def test_damage(seed: int) -> None:
    _judge(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_much_damage(block: int) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        _judge(seed)
