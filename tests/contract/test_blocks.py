"""The contract of a block, checked for every example of every block."""

from typing import Any

import pytest
import torch

from designer.catalogue import catalogue
from designer.check import check
from designer.dims import Dim
from designer.document import dumps, loads
from designer.render import load_model, render
from designer.shapes.values import Tensor
from designer.spec import TAGS, BlockSpec, Example
from designer.summary import summarize
from tests.contract.harness import design_of, examples, free_shapes, name_of, tensors

Pair = tuple[BlockSpec, Example]
each = pytest.mark.parametrize("pair", examples(), ids=name_of)


@pytest.mark.parametrize("spec", catalogue().values(), ids=lambda spec: spec.name)
def test_block_is_documented(spec: BlockSpec) -> None:
    assert spec.summary and spec.formula and spec.reference and spec.glyph and spec.title
    assert spec.stability.mechanism, (
        "a stability annotation says at least by which mechanism it acts, or that it does not"
    )
    assert spec.examples or any(port.stack for port in (*spec.inputs, *spec.outputs))
    for param in spec.params:
        assert param.help, param.name
        assert param.inferred or param.required or param.default is not None


def _outputs(model: Any, inputs: list[Any]) -> tuple[Any, ...]:
    result = model(*inputs)
    results = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(torch.as_tensor(one) for one in results)  # a weight by level is a plain number


@each
def test_inferred_shapes_are_the_real_ones(pair: Pair) -> None:
    spec, example = pair
    design = design_of(spec, example, dict(example.inputs))
    report = check(design)
    assert report.ok, [one.message for one in report.diagnostics]
    assert report.frame is not None
    model = load_model(render(design))().eval()
    real = [tuple(one.shape) for one in _outputs(model, tensors(spec, example))]
    inferred = [one.shape for one in report.frame.outputs.values() if isinstance(one, Tensor)]
    assert inferred == real


@each
def test_shapes_hold_for_a_free_batch(pair: Pair) -> None:
    spec, example = pair
    design = design_of(spec, example, free_shapes(spec, example))
    report = check(design)
    assert report.ok and report.frame is not None, [one.message for one in report.diagnostics]
    model = load_model(render(design))().eval()
    real = [tuple(one.shape) for one in _outputs(model, tensors(spec, example, batch=5))]
    inferred = [
        tuple(Dim.of(size).evaluate({"B": 5}) for size in one.shape)
        for one in report.frame.outputs.values()
        if isinstance(one, Tensor)
    ]
    assert inferred == real


@each
def test_costs_are_the_real_ones(pair: Pair) -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    spec, example = pair
    design = design_of(spec, example, dict(example.inputs))
    summary = summarize(design)
    model = load_model(render(design))().eval()
    assert summary.parameters == sum(one.numel() for one in model.parameters())
    assert summary.trainable == sum(one.numel() for one in model.parameters() if one.requires_grad)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused kernel of the CPU is not counted
        model(*tensors(spec, example))
    assert summary.flops == counter.get_total_flops()


@each
def test_gradients_reach_every_parameter(pair: Pair) -> None:
    spec, example = pair
    model = load_model(render(design_of(spec, example, dict(example.inputs))))().train()
    inputs = [one.requires_grad_() if one.is_floating_point() else one for one in tensors(spec, example)]
    total = sum((one * torch.randn(one.shape)).sum() for one in _outputs(model, inputs))
    assert isinstance(total, torch.Tensor)
    if total.requires_grad:
        total.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


@each
def test_zero_at_start_where_claimed(pair: Pair) -> None:
    spec, example = pair
    if not (spec.stability.zero_init or example.params.get("init") == "zero"):
        assert spec.stability.gain != "0"
        return
    model = load_model(render(design_of(spec, example, dict(example.inputs))))().eval()
    assert all(one.abs().max() == 0 for one in _outputs(model, tensors(spec, example)))


@each
def test_document_round_trip(pair: Pair) -> None:
    spec, example = pair
    design = design_of(spec, example, dict(example.inputs))
    assert loads(dumps(design)) == design
    assert loads(dumps(design)).hash() == design.hash()


@pytest.mark.parametrize("spec", catalogue().values(), ids=lambda spec: spec.name)
def test_block_says_what_kind_it_is(spec: BlockSpec) -> None:
    assert spec.tags and set(spec.tags) <= TAGS.keys(), "every block has tags, words of designer.spec.TAGS"
    assert (spec.gate is not None) == ("gate" in spec.tags)
    if spec.gate is not None:
        assert set(spec.gate.ports) <= {port.name for port in spec.outputs}
        assert set(spec.gate.sources) <= {"level", "time", "condition", "trunk", "skip"}


def test_every_tag_is_in_use() -> None:
    assert {tag for spec in catalogue().values() for tag in spec.tags} == TAGS.keys()
