"""Rendered models compile without a graph break, in training and evaluation, and torch.export takes them."""

import pytest
import torch

from tests.rendered.models import TINY, model_of, tensors

SAMPLE = ("dit-tiny", "uvit-tiny")


@pytest.mark.parametrize(
    "preset", [one if one in SAMPLE else pytest.param(one, marks=pytest.mark.slow) for one in TINY]
)
def test_compiles_whole_and_exports(preset: str) -> None:
    model, inputs = model_of(preset)
    with torch.no_grad():
        expected = tensors(model(*inputs))
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    program = torch.export.export(model, inputs)
    with torch.no_grad():
        for found in (compiled(*inputs), program.module()(*inputs)):
            for one, other in zip(tensors(found), expected, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    model.train()
    torch._dynamo.reset()
    loss = sum(one.square().mean() for one in tensors(compiled(*inputs)))
    loss.backward()
    torch._dynamo.reset()
