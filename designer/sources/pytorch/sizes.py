"""Sizes of exported values: torch's symbolic integers as sizes of a design."""

from collections.abc import Sequence
from typing import Any

from designer.dims import Dim, Size, simplify
from designer.sources.graph.reshape import InexpressibleError

_LETTERS = {1: "B", 2: "BC", 3: "BNC", 4: "BCHW", 5: "BCTHW"}


class Sizes:
    """Names torch's symbols after the axes of the inputs in which they first appear."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def name_input(self, shape: Sequence[Any]) -> None:
        """Give a letter to each new symbol of an input's shape."""
        for axis, size in enumerate(shape):
            text = str(size)
            if not isinstance(size, int) and text.isidentifier() and text not in self.names:
                wanted = _LETTERS.get(len(shape), "BCDEKLM")[axis : axis + 1] or "N"
                free = [wanted, *"NMTKLPQRSHWDE"]
                self.names[text] = next(one for one in free if one not in self.names.values())

    def axes(self, shape: Sequence[Any]) -> list[Size]:
        """Return a shape as sizes. Raises InexpressibleError."""
        return [size if type(size) is int else simplify(self._dim(size.node.expr)) for size in shape]

    def _dim(self, expression: Any) -> Dim:
        name = type(expression).__name__
        if expression.is_Symbol:
            if str(expression) not in self.names:
                raise InexpressibleError(f"the size {expression} depends on values")
            return Dim.symbol(self.names[str(expression)])
        if expression.is_Integer:
            return Dim.of(int(expression))
        parts = [self._dim(one) for one in expression.args]
        if name == "Add":
            return sum(parts[1:], parts[0])
        if name in ("Mul", "Pow"):
            result = parts[0]
            for part in parts[1:]:
                result = result * part if name == "Mul" else result ** int(part.constant or 0)
            return result
        if name in ("FloorDiv", "CleanDiv"):
            return Dim.of(parts[0] // parts[1])
        if name in ("Mod", "PythonMod"):
            return parts[0] % parts[1]
        raise InexpressibleError(f"the size {expression} has no expression")
