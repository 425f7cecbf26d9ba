"""What both importers emit alike: arithmetic with numbers, orders of axes, parts, joins."""

from collections.abc import Sequence

from designer.dims import Dim, Size, simplify
from designer.shapes.functions import Axes, broadcast
from designer.sources.graph.reshape import InexpressibleError, same
from designer.sources.graph.trace import Scope, Trace

Operand = str | float  # a value, or a number


def _axes(trace: Trace, left: str, right: str) -> Axes:
    return broadcast(lambda *_: None, trace.axes[left], trace.axes[right])


def add(trace: Trace, scope: Scope, left: Operand, right: Operand) -> str:
    """The sum; equal shapes give the plain Add."""
    if isinstance(left, float):
        left, right = right, left
    assert isinstance(left, str)
    if isinstance(right, float):
        return trace.emit("AddNumber", scope, {"x": left}, trace.axes[left], value=right)
    a, b = trace.axes[left], trace.axes[right]
    equal = len(a) == len(b) and all(map(same, a, b))
    block = "Add" if equal else "BroadcastAdd"
    return trace.emit(block, scope, {"a": left, "b": right}, _axes(trace, left, right))


def scale(trace: Trace, scope: Scope, x: str, factor: float) -> str:
    """The product with a number; 1 changes nothing."""
    return x if factor == 1 else trace.emit("Scale", scope, {"x": x}, trace.axes[x], factor=factor)


def subtract(trace: Trace, scope: Scope, left: Operand, right: Operand) -> str:
    """The difference."""
    if isinstance(right, float):
        return add(trace, scope, left, -right)
    if isinstance(left, float):
        return add(trace, scope, trace.emit("Negate", scope, {"x": right}, trace.axes[right]), left)
    return trace.emit("Subtract", scope, {"a": left, "b": right}, _axes(trace, left, right))


def multiply(trace: Trace, scope: Scope, left: Operand, right: Operand) -> str:
    """The product."""
    if isinstance(left, float):
        left, right = right, left
    assert isinstance(left, str)
    if isinstance(right, float):
        return scale(trace, scope, left, right)
    return trace.emit("Multiply", scope, {"a": left, "b": right}, _axes(trace, left, right))


def divide(trace: Trace, scope: Scope, left: Operand, right: Operand) -> str:
    """The quotient."""
    if isinstance(right, float):
        return multiply(trace, scope, left, 1 / right)
    if isinstance(left, float):
        return scale(trace, scope, trace.emit("Reciprocal", scope, {"x": right}, trace.axes[right]), left)
    return trace.emit("Divide", scope, {"a": left, "b": right}, _axes(trace, left, right))


def permute(trace: Trace, scope: Scope, x: str, dims: Sequence[int]) -> str:
    """The axes in another order; two exchanged axes are a Transpose."""
    moved = [index for index, dim in enumerate(dims) if index != dim]
    if not moved:
        return x
    axes = [trace.axes[x][dim] for dim in dims]
    if len(moved) == 2:
        return trace.emit("Transpose", scope, {"x": x}, axes, first=moved[0], second=moved[1])
    return trace.emit("Permute", scope, {"x": x}, axes, dims=list(dims))


def concat(trace: Trace, scope: Scope, parts: Sequence[str], axis: int) -> str:
    """Tensors joined along an axis, two at a time."""
    left = parts[0]
    for right in parts[1:]:
        a, b = trace.axes[left], trace.axes[right]
        axes = [*a[:axis], simplify(Dim.of(a[axis]) + b[axis]), *a[axis + 1 :]]
        left = trace.emit("Concat", scope, {"a": left, "b": right}, axes, axis=axis)
    return left


def split(trace: Trace, scope: Scope, x: str, axis: int, sizes: Sequence[Size]) -> list[str]:
    """A tensor cut into parts along an axis. Raises InexpressibleError for parts of unknown size."""
    have = trace.axes[x]
    parts = [[*have[:axis], size, *have[axis + 1 :]] for size in sizes]
    if len(sizes) == 1:
        return [x]
    if len(sizes) in (2, 3, 6) and all(same(size, sizes[0]) for size in sizes):
        ports = {f"part_{index}": axes for index, axes in enumerate(parts)}
        return trace.emit_many(f"Chunk{len(sizes)}", scope, {"x": x}, ports, axis=axis)
    found, start = [], 0
    for axes in parts:
        size = simplify(axes[axis])
        if not isinstance(size, int):
            raise InexpressibleError(f"parts of size {size}")
        found.append(cut(trace, scope, x, axis, start, start + size, 1))
        start += size
    return found


def cut(trace: Trace, scope: Scope, x: str, axis: int, start: int, stop: int | None, step: int) -> str:
    """The items of an axis from start to stop (None: the end) in steps."""
    have = trace.axes[x]
    size = simplify(have[axis])
    if isinstance(size, int):
        start, stop, step = slice(start, stop, step).indices(size)
        stop = None if stop >= size else stop
    elif start < 0 and stop is not None and stop > 0:
        raise InexpressibleError("a slice from the end to a fixed place")
    if (start, stop, step) == (0, None, 1):
        return x
    low = Dim.of(size) + start if start < 0 else Dim.of(start)
    high = Dim.of(size) if stop is None else Dim.of(size) + stop if stop < 0 else Dim.of(stop)
    length = simplify(Dim.of((high - low + (step - 1)) // step))
    axes = [*have[:axis], length, *have[axis + 1 :]]
    return trace.emit("Slice", scope, {"x": x}, axes, axis=axis, start=start, stop=stop or 0, step=step)


def part(trace: Trace, scope: Scope, x: str, axis: int, start: Size, stop: Size | None) -> str:
    """The items of an axis from start to stop (None: the end), either of which may be a size that is not known."""
    first, size = simplify(start), trace.axes[x][axis]
    last = None if stop is None or same(stop, size) else simplify(stop)
    if isinstance(first, int) and (last is None or isinstance(last, int)):
        return cut(trace, scope, x, axis, first, last, 1)
    if not same(first, 0):
        x = _as_many(trace, scope, "DropLike", x, axis, first, simplify(Dim.of(size) - first))
    if last is None:
        return x
    count = simplify(Dim.of(last) - first)
    return _as_many(trace, scope, "TakeLike", x, axis, count, count)


def _as_many(trace: Trace, scope: Scope, block: str, x: str, axis: int, count: Size, length: Size) -> str:
    """Take or drop the first `count` items of an axis, as many as an axis of some other value has."""
    have = trace.axes[x]
    if isinstance(count, int):
        first, last = (0, count) if block == "TakeLike" else (count, None)
        return cut(trace, scope, x, axis, first, last, 1)
    for like, axes in trace.axes.items():
        for index, size in enumerate(axes):
            if same(size, count):
                wanted = [*have[:axis], length, *have[axis + 1 :]]
                return trace.emit(block, scope, {"x": x, "like": like}, wanted, axis=axis, like_axis=index)
    raise InexpressibleError(f"{count} items, as many as no axis has")


def repeat(trace: Trace, scope: Scope, x: str, wanted: Axes) -> str:
    """Axes of size 1 repeated to the axes `wanted`. Raises InexpressibleError for an unknown size."""
    have = trace.axes[x]
    grown = [axis for axis, (a, b) in enumerate(zip(have, wanted, strict=True)) if not same(a, b)]
    if not grown:
        return x
    if any(not same(have[axis], 1) for axis in grown):
        raise InexpressibleError("repeats an axis that is longer than 1")
    symbolic = [axis for axis in grown if isinstance(simplify(wanted[axis]), Dim)]
    if symbolic and grown == [0]:
        for one in trace.inputs:
            if one.axes and same(one.axes[0], wanted[0]):
                return trace.emit("RepeatBatch", scope, {"x": x, "like": one.name}, wanted)
    if symbolic:
        raise InexpressibleError(f"repeats to a size {wanted[symbolic[0]]} that is not known")
    sizes = [wanted[axis] if axis in grown else -1 for axis in range(len(wanted))]
    return trace.emit("Expand", scope, {"x": x}, wanted, sizes=sizes)
