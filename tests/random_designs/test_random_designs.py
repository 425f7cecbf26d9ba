"""Random designs: what the check accepts is rendered, built and run, with the counts and shapes that were inferred."""

from typing import Any

import pytest
import torch

from designer.check import check
from designer.dims import Dim
from designer.reader import read_design
from designer.render import load_model, render
from designer.shapes.values import Tensor
from designer.summary import summarize
from tests.random_designs.generator import design


def _run(seed: int) -> None:
    document = read_design(design(seed))
    report = check(document)
    assert report.ok, [one.message for one in report.diagnostics]
    assert report.certificate is not None and report.frame is not None
    model = load_model(render(document))().eval()
    assert sum(one.numel() for one in model.parameters()) == summarize(document).parameters
    height, width = (report.certificate.axis(name) for name in "HW")
    assert height is not None and width is not None
    point = {"B": 2, "H": height.first(3)[-1], "W": width.first(5)[-1]}
    seen: dict[str, Any] = {}
    for name, module in model.named_children():
        module.register_forward_hook(lambda _module, _args, out, name=name: seen.__setitem__(name, out))
    with torch.no_grad():
        out = model(torch.randn(2, 3, point["H"], point["W"]), torch.tensor([1.0, 500.0]))
    assert tuple(out.shape) == (2, 3, point["H"], point["W"])
    for name, value in seen.items():
        inferred = next(iter(report.frame.calls[name].outputs.values()))
        instance = report.frame.calls[name].node.instance
        if isinstance(inferred, Tensor) and isinstance(value, torch.Tensor) and instance is None:
            assert tuple(value.shape) == tuple(Dim.of(size).evaluate(point) for size in inferred.shape), name


@pytest.mark.parametrize("seed", range(40))
def test_random_design(seed: int) -> None:
    _run(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_random_designs(block: int) -> None:
    for seed in range(1000 + 50 * block, 1050 + 50 * block):
        _run(seed)


@pytest.mark.parametrize("seed", range(12))
def test_odd_sizes_outside_the_certificate_are_refused_by_pytorch_or_change_the_size(seed: int) -> None:
    """The certificate is not too strict: a size that it refuses fails or gives a prediction of another size."""
    document = read_design(design(seed))
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
