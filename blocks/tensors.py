"""Tensors that come from no input: learned, fixed by the design, or stored with the weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability


class LearnedTensor(nn.Module):
    """A learned tensor of a given shape."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(tuple(shape)))

    def forward(self) -> Tensor:
        """Return the tensor [*shape]."""
        return self.value


class FixedTensor(nn.Module):
    """A constant tensor; `values` are its numbers, last axis fastest."""

    value: Tensor

    def __init__(self, values: Sequence[float], shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(values).reshape(tuple(shape)), persistent=False)

    def forward(self) -> Tensor:
        """Return the tensor [*shape]."""
        return self.value


class StoredTensor(nn.Module):
    """A constant tensor that is loaded with the weights."""

    value: Tensor

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros(tuple(shape)))

    def forward(self) -> Tensor:
        """Return the tensor [*shape]."""
        return self.value


SPECS = (
    BlockSpec(
        name="LearnedTensor",
        title="Learned tensor",
        family="Primitive",
        kind="module",
        target="LearnedTensor",
        summary="A learned tensor, such as a table of positions or a scale per channel.",
        tags=("embedding",),
        glyph="θ",
        inputs=(),
        outputs=(Port("out", "any", "*listed(shape)"),),
        params=(Param("shape", "list", positional=True, help="its sizes"),),
        parameters="out_numel",
        state={"value": "*shape"},
        views={"out": "self"},
        formula="y = θ",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "zero at start; its scale is learned"),
        examples=(Example({}, {"shape": [3, 4]}),),
    ),
    BlockSpec(
        name="FixedTensor",
        title="Fixed tensor",
        family="Primitive",
        kind="module",
        target="FixedTensor",
        summary="A tensor of numbers that the design states.",
        tags=("embedding",),
        glyph="c",
        inputs=(),
        outputs=(Port("out", "any", "*listed(shape)"),),
        params=(
            Param("values", "list", positional=True, help="its numbers, last axis fastest"),
            Param("shape", "list", positional=True, help="its sizes"),
        ),
        views={"out": "self"},
        formula="y = c",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "a constant"),
        examples=(Example({}, {"values": [1.0, 2.0], "shape": [1, 2]}),),
    ),
    BlockSpec(
        name="StoredTensor",
        title="Stored tensor",
        family="Primitive",
        kind="module",
        target="StoredTensor",
        summary="A tensor of numbers that is stored with the weights but not trained.",
        tags=("embedding",),
        glyph="c",
        inputs=(),
        outputs=(Port("out", "any", "*listed(shape)"),),
        params=(Param("shape", "list", positional=True, help="its sizes"),),
        state={"value": "*shape"},
        views={"out": "self"},
        formula="y = c",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "a constant"),
        examples=(Example({}, {"shape": [3, 4]}),),
    ),
)
