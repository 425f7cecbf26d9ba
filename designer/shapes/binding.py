"""Matching the shapes that arrive at a call against the shapes that its ports declare."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from designer import expressions
from designer.dims import Dim, Size, UndecidedError, simplify
from designer.errors import UserError
from designer.expressions import ExpressionError
from designer.shapes import functions
from designer.shapes.values import Shape, Stack, Tensor, Value, shape_text, split_pattern

# The item that iteration i pops from a stack, as an index into the list of the items' sizes.
POPPED = "[-1 - i]"


class MismatchError(Exception):
    """A shape does not fit; carries the texts of a diagnostic."""

    def __init__(self, message: str, received: str = "", expected: str = "", port: str = "") -> None:
        super().__init__(message)
        self.message, self.received, self.expected, self.port = message, received, expected, port


@dataclass(frozen=True)
class Requirement:
    """A condition on symbolic sizes that some sizes meet: `left` equals, divides into or stays below `right`."""

    left: Size
    relation: str  # "==", "%" (left is a multiple of right) or "<="
    right: Size
    node: str
    reason: str

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether the requirement is met at these sizes."""
        left, right = Dim.of(self.left).evaluate(values), Dim.of(self.right).evaluate(values)
        if self.relation == "%":
            return right != 0 and left % right == 0
        return left <= right if self.relation == "<=" else left == right


@dataclass
class Binding:
    """Names bound while the inputs of one call are matched."""

    names: dict[str, Any]
    require: Callable[[Size, str, Size, str], None]
    stars: dict[str, Shape] = field(default_factory=dict)

    def match(self, port: str, pattern: str, value: Value, lists: frozenset[str]) -> None:
        """Bind the bare names of `pattern` to the sizes of `value`. Raises MismatchError."""
        tokens = split_pattern(pattern)
        if isinstance(value, Stack):
            self._match_stack(port, tokens, value, lists)
            return
        if tokens and tokens[0].startswith("~"):
            self._match_broadcast(port, tokens[0], value.shape)
            return
        for token, size in self._pairs(port, tokens, value.shape):
            if token.isidentifier():
                self._bind(port, token, size, value.shape)

    def _match_broadcast(self, port: str, token: str, shape: Shape) -> None:
        """Require that a tensor of `shape` multiplies the axes of "*S" without changing their sizes."""
        axes = self.stars[f"*{token[1:]}"]
        fits = not shape or len(shape) == len(axes)
        for size, axis in zip(shape, axes, strict=False) if fits else ():
            if simplify(size) != 1:
                self._equal(port, str(axis), axis, size, shape, shape_text(axes))
        if not fits:
            raise MismatchError(
                f"{port} is {shape_text(shape)}: it cannot weight features of shape {shape_text(axes)}; "
                "each axis must be 1 or that of the features",
                shape_text(shape),
                shape_text(axes),
                port,
            )

    def match_expressions(self, port: str, pattern: str, value: Value) -> None:
        """Compare the sizes of `value` with the tokens of `pattern` that are expressions."""
        if isinstance(value, Stack) or pattern.startswith("~") or not _has_expressions(pattern):
            return
        for token, size in self._pairs(port, split_pattern(pattern), value.shape):
            if not token.isidentifier():
                self._equal(port, token, self.size(token), size, value.shape)

    def _pairs(self, port: str, tokens: Sequence[str], shape: Shape) -> list[tuple[str, Size]]:
        star = next((index for index, token in enumerate(tokens) if token.startswith("*")), None)
        if star is None:
            if len(tokens) != len(shape):
                raise MismatchError(
                    f"{port} has {len(shape)} axes, expected {len(tokens)}",
                    shape_text(shape),
                    " ".join(tokens),
                    port,
                )
            return list(zip(tokens, shape, strict=True))
        after = len(tokens) - star - 1
        if len(shape) < len(tokens) - 1:
            raise MismatchError(
                f"{port} has {len(shape)} axes, expected at least {len(tokens) - 1}"
                if shape
                else f"{port} is a plain number, expected a tensor {' '.join(tokens)}",
                shape_text(shape),
                " ".join(tokens),
                port,
            )
        middle = shape[star : len(shape) - after]
        self._bind_star(port, tokens[star], middle, shape)
        tail = list(zip(tokens[star + 1 :], shape[len(shape) - after :], strict=True)) if after else []
        return list(zip(tokens[:star], shape[:star], strict=True)) + tail

    def _bind_star(self, port: str, name: str, middle: Shape, shape: Shape) -> None:
        known = self.stars.setdefault(name, middle)
        if known == middle:
            return
        if len(known) != len(middle):
            raise MismatchError(
                f"{port} has another number of axes than the other input",
                shape_text(shape),
                shape_text(known),
                port,
            )
        for expected, size in zip(known, middle, strict=True):
            self._equal(port, str(expected), expected, size, shape, shape_text(known))

    def _bind(self, port: str, name: str, size: Size, shape: Shape) -> None:
        if name not in self.names or self.names[name] is None:
            self.names[name] = size
        else:
            self._equal(port, name, self.names[name], size, shape)

    def _match_stack(self, port: str, tokens: Sequence[str], value: Stack, lists: frozenset[str]) -> None:
        for axis, token in enumerate(tokens):
            if token.startswith("*"):
                continue
            sizes = [
                (item.shape[axis] if axis < len(item.shape) else None, count) for item, count in value.runs
            ]
            if any(size is None for size, _ in sizes):
                raise MismatchError(
                    f"{port} holds tensors with too few axes", str(value), " ".join(tokens), port
                )
            if token in lists:
                if self.names.get(token) is None:
                    self.names[token] = _size_list(
                        [(size, count) for size, count in sizes if size is not None]
                    )
                continue
            for size, _ in sizes:
                assert size is not None
                if token.isidentifier():
                    self._bind(port, token, size, value.runs[0][0].shape)

    def _equal(self, port: str, token: str, expected: Any, size: Size, shape: Shape, whole: str = "") -> None:
        if not isinstance(expected, (int, Dim)):
            raise MismatchError(f"{port}: {token} is not a size", repr(expected), "an integer", port)
        if size == expected:
            return
        difference = simplify(Dim.of(size) - Dim.of(expected))
        if difference == 0:
            return
        if isinstance(difference, int):
            named = "" if token == str(expected) else f"{token} = "
            wanted = whole or f"{named}{expected}"
            raise MismatchError(
                f"{port} is {shape_text(shape)}: {size} where {named}{expected} is expected",
                shape_text(shape),
                wanted,
                port,
            )
        self.require(size, "==", expected, f"{port}: {size} must equal {expected}")

    def size(self, token: str) -> Size:
        """Return the value of a shape token. Raises MismatchError when it has none."""
        try:
            value = self.names[token] if token in self.names else expressions.evaluate(token, self.names)
        except (ExpressionError, UndecidedError) as error:
            raise MismatchError(f"the size {token} has no value: {error}") from None
        if isinstance(value, bool) or not isinstance(value, (int, Dim)):
            raise MismatchError(f"the size {token} is {value!r}, not an integer")
        if isinstance(value, int) and value < 1:
            raise MismatchError(
                f"the size {token} becomes {value}; the input is too small here", str(value), "at least 1"
            )
        size: Size = value
        self._not_empty(size)
        return size

    def _not_empty(self, size: Size) -> None:
        """Require at least 1 of a size that a small input could leave empty."""
        if isinstance(size, Dim) and not size.positive and (size.falling or len(size.symbols) == 1):
            self.require(1, "<=", size, f"the size {size} must be at least 1")

    def shape(self, pattern: str) -> Shape:
        """Return the shape that `pattern` describes under the bound names."""
        result: list[Size] = []
        for token in split_pattern(pattern):
            result.extend(self._axes(token) if token.startswith("*") else (self.size(token),))
        return tuple(result)

    def _axes(self, token: str) -> Sequence[Size]:
        """The axes of a star token: those bound to its name, or those that its shape function gives."""
        if token in self.stars or not token.endswith(")"):
            return self.stars.get(token, ())
        names = {**self.names, **{name.removeprefix("*"): axes for name, axes in self.stars.items()}}

        def need(left: Size, relation: str, right: Size) -> None:
            if relation == "==":
                self._equal("the input", str(right), right, left, (left,))
            elif isinstance(left, int) and isinstance(right, int) and left > right:
                raise ValueError(f"they need an axis of at least {left}, and it has {right}")
            elif isinstance(simplify(Dim.of(left) - right), Dim):
                self.require(left, "<=", right, f"{right} must be at least {left}")

        try:
            axes = functions.call(token[1:], names, need)
        except (ValueError, TypeError, IndexError, KeyError, ArithmeticError, UndecidedError) as error:
            raise MismatchError(f"the axes {token[1:]} have no value: {error}") from None
        if any(isinstance(size, int) and size < 1 for size in axes):
            raise MismatchError(
                f"the axes {token[1:]} become {shape_text(tuple(axes))}; the input is too small"
            )
        for size in axes:
            self._not_empty(size)
        return axes


@dataclass(frozen=True)
class SizeList:
    """A list of sizes in runs (size, how many), or a named list parameter whose items are unknown.

    Indexing a named list gives a size that carries its own source text.
    """

    runs: tuple[tuple[Size, Size], ...] = ()
    name: str = ""

    def __getitem__(self, index: Size) -> Size:
        if self.name:
            return Dim.symbol(f"{self.name}[{index}]")
        items = self.items()
        if not isinstance(index, int):
            raise UndecidedError("the index of the list is not known")
        return items[index]

    def __len__(self) -> int:
        return len(self.items())

    def __iter__(self) -> Iterator[Size]:
        return iter(self.items())

    def items(self) -> list[Size]:
        """Return the sizes one by one. Raises UndecidedError when a count is symbolic."""
        if self.name or any(not isinstance(count, int) for _, count in self.runs):
            raise UndecidedError("the length of the list is not known")
        return [size for size, count in self.runs if isinstance(count, int) for _ in range(count)]

    def __str__(self) -> str:
        if self.name:
            return self.name
        try:
            return f"[{', '.join(map(str, self.items()))}]"
        except UndecidedError:
            return " + ".join(
                f"[{size}]" + ("" if count == 1 else f" * {_factor(count)}") for size, count in self.runs
            )


def _size_list(runs: list[tuple[Size, Size]]) -> SizeList:
    """The sizes of a stack along one axis; a stack that came in whole keeps the name of its list."""
    only = str(runs[0][0]) if len(runs) == 1 else ""
    return SizeList(name=only.removesuffix(POPPED)) if only.endswith(POPPED) else SizeList(tuple(runs))


def _factor(count: Size) -> str:
    text = str(count)
    return f"({text})" if " " in text else text


@lru_cache(maxsize=8192)
def _has_expressions(pattern: str) -> bool:
    """Whether a token of a pattern is more than a name, or stands for any number of axes."""
    return any(not token.isidentifier() and not token.startswith("*") for token in split_pattern(pattern))


def parse_shape(pattern: str, names: Mapping[str, Any], place: str) -> Shape:
    """Return a declared shape; names without value become symbols. Raises UserError for an unreadable token."""
    shapes = parse_shapes(pattern, names, place)
    if len(shapes) != 1:
        raise UserError(f"{place}: the shape {pattern!r}: a list of sizes is for a stack of tensors")
    return shapes[0]


def parse_shapes(pattern: str, names: Mapping[str, Any], place: str) -> list[Shape]:
    """Return a declared shape, or one for each tensor of a stack where a token is a list of sizes."""
    values = [_declared(token, pattern, names, place) for token in split_pattern(pattern)]
    lengths = {len(value) for value in values if isinstance(value, list)} or {1}
    if len(lengths) > 1:
        raise UserError(f"{place}: the shape {pattern!r}: its lists of sizes differ in length")
    return [
        tuple(value[item] if isinstance(value, list) else value for value in values)
        for item in range(lengths.pop())
    ]


def _declared(token: str, pattern: str, names: Mapping[str, Any], place: str) -> Any:
    """Return the size, or the list of sizes, that a token of a declared shape means."""
    try:
        free = {name: Dim.symbol(name) for name in expressions.names(token) if names.get(name) is None}
        value = expressions.evaluate(token, {**names, **free})
    except (ExpressionError, UndecidedError) as error:
        raise UserError(f"{place}: the shape {pattern!r}: {error}") from None
    if isinstance(value, SizeList) and value.name:  # a list without value: the item that iteration i pops
        return Dim.symbol(f"{value.name}{POPPED}")
    for size in value if isinstance(value, list) else [value]:
        if isinstance(size, bool) or not isinstance(size, (int, Dim)):
            raise UserError(f"{place}: the shape {pattern!r}: {token!r} is {value!r}, not a size")
        if isinstance(size, int) and size < 1:
            raise UserError(f"{place}: the shape {pattern!r}: {token!r} is {size}; a size is at least 1")
    return value


def tensor(shape: Shape, role: str, dtype: str = "") -> Tensor:
    """Return a Tensor, with the dtype that its role implies where none is given."""
    return Tensor(shape, role, dtype or ("int64" if role == "class" else "float32"))
