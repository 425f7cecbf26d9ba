"""Random designs: what the check accepts is rendered, built and run, with the counts and shapes that were inferred."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from designer.check import check
from designer.dims import Dim
from designer.reader import read_design
from designer.render import load_model, render
from designer.shapes.values import Tensor
from designer.summary import summarize
from tests.random_designs import generator, tokens

MAKERS = (generator.design, tokens.design)


def run_at_random_sizes(make: Callable[[int], dict[str, Any]], seed: int) -> None:
    """Check a random design, run it at random admitted sizes, and compare every shape that a module returns."""
    document = read_design(make(seed))
    report = check(document)
    assert report.ok, [one.message for one in report.diagnostics]
    assert report.certificate is not None and report.frame is not None
    rendering = render(document)
    model = load_model(rendering)().eval()
    assert sum(one.numel() for one in model.parameters()) == summarize(document).parameters
    rng = random.Random(seed)
    point = {axis.name: rng.choice(axis.first(5)) for axis in report.certificate.axes}
    assert not report.certificate.relations
    seen: dict[str, Any] = {}
    for name, module in model.named_children():
        module.register_forward_hook(lambda _module, _args, out, name=name: seen.__setitem__(name, out))
    inputs = [torch.randn([point.get(str(size), size) for size in one.shape]) for one in rendering.inputs]
    with torch.no_grad():
        out = model(*inputs)
    assert out.shape == inputs[0].shape
    for name, value in seen.items():
        inferred = next(iter(report.frame.calls[name].outputs.values()))
        instance = report.frame.calls[name].node.instance
        if isinstance(inferred, Tensor) and isinstance(value, torch.Tensor) and instance is None:
            assert tuple(value.shape) == tuple(Dim.of(size).evaluate(point) for size in inferred.shape), name


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("make", MAKERS, ids=("maps", "tokens"))
def test_random_design(make: Callable[[int], dict[str, Any]], seed: int) -> None:
    run_at_random_sizes(make, seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
@pytest.mark.parametrize("make", MAKERS, ids=("maps", "tokens"))
def test_many_random_designs(make: Callable[[int], dict[str, Any]], part: int) -> None:
    for seed in range(1000 + 50 * part, 1050 + 50 * part):
        run_at_random_sizes(make, seed)


@pytest.mark.parametrize("seed", range(12))
def test_odd_sizes_outside_the_certificate_are_refused_by_pytorch_or_change_the_size(seed: int) -> None:
    """The certificate is not too strict: a size that it refuses fails or gives a prediction of another size."""
    document = read_design(generator.design(seed))
    report = check(document)
    assert report.certificate is not None
    axis = report.certificate.axis("H")
    width = report.certificate.axis("W")
    assert axis is not None and width is not None
    refused = [size for size in range(1, 9) if not axis.admits(size)]
    model = load_model(render(document))().eval()
    for size in refused:
        shape = (1, 3, size, width.first(5)[-1])
        try:
            with torch.no_grad():
                out = model(torch.randn(shape), torch.tensor([1.0]))
        except RuntimeError:
            continue
        assert tuple(out.shape) != shape, size
