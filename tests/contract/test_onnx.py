"""Every block exports to ONNX and computes there what it computes in PyTorch: a sample in CI, all with -m slow."""

from typing import Any

import numpy as np
import pytest
import torch

from designer.catalogue import catalogue
from designer.render import load_model, render
from designer.spec import BlockSpec, Example
from tests.contract.harness import design_of, name_of, tensors

# A weight by level is a plain number: in a graph it is a constant, on its own no graph at all.
FIRST = [
    (spec, spec.examples[0])
    for spec in catalogue().values()
    if spec.examples and any(port.shape for port in spec.outputs)
]
SAMPLE = (
    "Conv2d",
    "GroupNorm",
    "SelfAttention",
    "AdaLNZero",
    "FreeUSkip",
    "GEGLU",
    "RotaryPosition2D",
    "ScaleLongLearned",
)


def exported(spec: BlockSpec, example: Example) -> tuple[list[Any], list[Any]]:
    """Return what PyTorch and ONNX Runtime make of the same inputs."""
    import onnxruntime

    model = load_model(render(design_of(spec, example, dict(example.inputs))))().eval()
    inputs = tuple(tensors(spec, example))
    with torch.no_grad():
        given = model(*inputs)
        program = torch.onnx.export(model, inputs, dynamo=True, opset_version=23, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(
        program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_inputs()]
    used = [one.name for one in program.model.graph.inputs]
    feeds = {name: one.numpy() for name, one in zip(used, inputs, strict=True) if name in names}
    found = session.run(None, feeds)
    expected = given if isinstance(given, (tuple, list)) else (given,)
    return [one.detach().numpy() for one in expected], found


def compare(pair: tuple[BlockSpec, Example]) -> None:
    for real, found in zip(*exported(*pair), strict=True):
        scale = max(1.0, float(np.abs(real).max()))
        assert np.array_equal(np.isnan(real), np.isnan(found))  # a logarithm has no value below 0 in either
        assert np.nanmax(np.abs(real - found)) <= 1e-5 * scale


@pytest.mark.parametrize("pair", [pair for pair in FIRST if pair[0].name in SAMPLE], ids=name_of)
def test_some_blocks_export(pair: tuple[BlockSpec, Example]) -> None:
    compare(pair)


@pytest.mark.slow
@pytest.mark.parametrize("pair", [pair for pair in FIRST if pair[0].name not in SAMPLE], ids=name_of)
def test_block_exports(pair: tuple[BlockSpec, Example]) -> None:
    compare(pair)
