"""What a block says that it keeps for backward is what PyTorch keeps, for every example of every block."""

import pytest
import torch
from torch.utils._pytree import tree_leaves

from designer.catalogue import catalogue
from designer.memory import record
from designer.operating import OperatingPoint
from designer.render import load_model, render
from designer.shapes.elaborate import Elaborator
from designer.spec import BlockSpec, Example
from tests.contract.harness import design_of, examples, name_of, tensors

Pair = tuple[BlockSpec, Example]
SLACK = 2  # elements: masks of one bit a sample

each = pytest.mark.parametrize("pair", examples(), ids=name_of)


def _stated(spec: BlockSpec, example: Example) -> tuple[list[str], float]:
    """The ports that the spec keeps and the elements made inside when every input needs a gradient."""
    frame = Elaborator(design_of(spec, example, dict(example.inputs)), catalogue()).main().frame
    assert frame is not None
    tape = record(frame, OperatingPoint({}), 4, (), learned_inputs=True)
    (operator,) = tape.operators
    names = dict(zip(tape.inputs, example.inputs, strict=True))
    made = [port.name for port in spec.outputs if port.name not in (spec.views or {})]
    names |= {one: f"made {name}" for one, name in zip(operator.makes, made, strict=False)}
    return sorted({names[one] for one in operator.kept}), operator.inside / 4


def _given(spec: BlockSpec, example: Example) -> list[tuple[str, torch.Tensor]]:
    shapes = {port.name: port.shape for port in spec.inputs}
    return [(shapes[name], one) for name, one in zip(example.inputs, tensors(spec, example), strict=True)]


def _laid_out(pattern: str, value: torch.Tensor) -> torch.Tensor:
    """Heads as networks have them, views of [B, N, heads, d]: whether operators copy depends on it."""
    axes = pattern.split()
    if len(axes) == 4 and "heads" in axes[1]:
        return value.transpose(1, 2).contiguous().transpose(1, 2)
    return value


def _storage(value: torch.Tensor) -> int:
    return value.untyped_storage()._cdata


@each
def test_kept_and_shared_storages_are_the_stated_ones(pair: Pair) -> None:
    spec, example = pair
    model = load_model(render(design_of(spec, example, dict(example.inputs))))().train()
    inputs = [_laid_out(*one).requires_grad_(one[1].is_floating_point()) for one in _given(spec, example)]
    found: dict[int, torch.UntypedStorage] = {}

    def pack(value: torch.Tensor) -> torch.Tensor:
        found[_storage(value)] = value.untyped_storage()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        outputs = [one for one in tree_leaves(model(*inputs)) if isinstance(one, torch.Tensor)]
    known = {_storage(one): "self" for one in (*model.parameters(), *model.buffers())}
    known |= {_storage(one): name for name, one in zip(example.inputs, inputs, strict=True)}
    views: dict[str, str] = {}
    for port, one in zip(spec.outputs, outputs, strict=False):
        if _storage(one) in known:
            views[port.name] = known[_storage(one)].removeprefix("made ")
        known.setdefault(_storage(one), f"made {port.name}")
    assert views == (spec.views or {})
    kept = sorted({known[one] for one in found if known.get(one, "self") != "self"})
    inside = sum(one.nbytes() for key, one in found.items() if key not in known) / 4
    stated_ports, stated_inside = _stated(spec, example)
    assert stated_ports == kept
    assert abs(stated_inside - inside) <= SLACK
