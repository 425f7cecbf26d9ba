"""Numbers at an operating point: how many elements a value has, what a cost formula of a block comes to."""

from collections.abc import Mapping
from typing import Any

from designer import expressions
from designer.dims import Dim, UndecidedError
from designer.errors import UserError
from designer.expressions import ExpressionError
from designer.shapes.frame import Call, Iteration
from designer.shapes.values import Tensor

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


class OperatingPoint:
    """A number for each free size, such as {"B": 1, "H": 64, "W": 64}."""

    def __init__(self, point: Mapping[str, int]) -> None:
        self.point = point
        self._numel: dict[Tensor, int] = {}

    def numel(self, value: Tensor) -> int:
        """Return the number of elements of a tensor."""
        if value not in self._numel:
            total = 1
            for size in value.shape:
                total *= int(self._plain(size))
            self._numel[value] = total
        return self._numel[value]

    def names(self, call: Call, iteration: Iteration) -> dict[str, Any]:
        """Return what the formulas of a block may name: its parameters and sizes, and `x_numel` of each port x."""
        values = {**call.inputs, **iteration.outputs}
        sizes = {f"{name}_numel": self.numel(one) for name, one in values.items() if isinstance(one, Tensor)}
        bound = {name: self._plain(value) for name, value in iteration.names.items()}
        return {**self.point, **bound, **sizes}

    def number(self, text: str, names: Mapping[str, Any]) -> float:
        """Return the value of a formula. Raises UserError when it has none at this point."""
        if text.isdigit():
            return int(text)
        try:
            return float(expressions.evaluate(text, names))
        except (ExpressionError, UndecidedError, KeyError) as error:
            raise UserError(f"the cost {text!r} has no value at {dict(self.point)}: {error}") from None

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return value.evaluate(self.point) if value.symbols <= self.point.keys() else value
        return value
