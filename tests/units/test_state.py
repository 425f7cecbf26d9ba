"""The state dict that the plan states is the one that PyTorch finds."""

import pytest
import torch

from designer.document import Design
from designer.presets import build, presets
from designer.render import load_model, render
from designer.spec import BlockSpec, Example
from tests.contract.harness import design_of, examples, name_of


def compare(design: Design) -> None:
    rendering = render(design)
    with torch.device("meta"):
        model = load_model(rendering)()
    assert dict(rendering.state) == {name: tuple(one.shape) for name, one in model.state_dict().items()}


MODULES = [pair for pair in examples() if pair[0].kind in ("module", "torch")]


@pytest.mark.parametrize("pair", MODULES, ids=name_of)
def test_a_block_states_its_tensors(pair: tuple[BlockSpec, Example]) -> None:
    spec, example = pair
    compare(design_of(spec, example, dict(example.inputs)))


@pytest.mark.parametrize("name", [one.id for one in presets() if one.id.endswith("tiny")])
def test_a_model_states_its_tensors(name: str) -> None:
    compare(build(name))
