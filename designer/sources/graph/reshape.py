"""A reshape as merged and parted axes, which hold for any batch where a list of sizes would not."""

from designer.dims import Dim, Size, simplify
from designer.shapes.functions import Axes, product
from designer.sources.graph.trace import Scope, Trace

Group = tuple[int, int, int, int]  # axes of the input from, to (exclusive); axes of the output from, to


class InexpressibleError(Exception):
    """No sequence of blocks gives these axes."""


def reshape(trace: Trace, scope: Scope, x: str, wanted: Axes) -> str:
    """Emit what turns `x` into a tensor of the axes `wanted`; return its value. Raises InexpressibleError."""
    for start, stop, first, last in reversed(_groups(trace.axes[x], wanted)):
        x = _regroup(trace, scope, x, start, stop, list(wanted[first:last]))
    return x


def _groups(have: Axes, want: Axes) -> list[Group]:
    """Pair runs of axes whose products are equal, from left to right, as short as possible."""
    found: list[Group] = []
    i = j = 0
    while i < len(have) or j < len(want):
        start, first = i, j
        if i < len(have) and j < len(want) and not same(have[i], want[j]):
            i, j = _match(have, want, i, j)
        elif i < len(have) and j < len(want):
            i, j = i + 1, j + 1
        elif i < len(have) and same(have[i], 1):
            i += 1
        elif j < len(want) and same(want[j], 1):
            j += 1
        else:
            raise InexpressibleError(f"{_text(have)} cannot become {_text(want)}")
        found.append((start, i, first, j))
    return found


def _match(have: Axes, want: Axes, i: int, j: int) -> tuple[int, int]:
    """Extend the side with the smaller product until both are equal; axes of size 1 go alone."""
    if same(have[i], 1):
        return i + 1, j
    if same(want[j], 1):
        return i, j + 1
    left, right = Dim.of(have[i]), Dim.of(want[j])
    i, j = i + 1, j + 1
    while not same(left, right):
        a, b = _numbers(left, right)
        if a < b and i < len(have):
            left, i = left * have[i], i + 1
        elif b < a and j < len(want):
            right, j = right * want[j], j + 1
        else:
            raise InexpressibleError(f"{_text(have)} cannot become {_text(want)}")
    return i, j


def _regroup(trace: Trace, scope: Scope, x: str, start: int, stop: int, want: list[Size]) -> str:
    """Emit the blocks for one group: axes start … stop of `x` become the axes `want`."""
    axes = list(trace.axes[x])
    if stop - start == 1 and not want:
        return trace.emit("Squeeze", scope, {"x": x}, axes[:start] + axes[stop:], axis=start)
    if stop == start:
        return trace.emit("Unsqueeze", scope, {"x": x}, [*axes[:start], 1, *axes[start:]], axis=start)
    if stop - start > 1:
        whole = product(axes[start:stop])
        axes = [*axes[:start], whole, *axes[stop:]]
        end = stop - 1 if stop < len(trace.axes[x]) else -1
        x = trace.emit("Flatten", scope, {"x": x}, axes, start=start, end=end)
    if len(want) > 1:
        x = _unflatten(trace, scope, x, start, want)
    return x


def _unflatten(trace: Trace, scope: Scope, x: str, axis: int, want: list[Size]) -> str:
    axes = trace.axes[x]
    result = [*axes[:axis], *want, *axes[axis + 1 :]]
    symbolic = [size for size in want if isinstance(simplify(size), Dim)]
    if len(symbolic) <= 1:
        sizes = [-1 if isinstance(simplify(size), Dim) else int(simplify(size)) for size in want]  # type: ignore[arg-type]
        return trace.emit("Unflatten", scope, {"x": x}, result, axis=axis, sizes=sizes)
    if len(want) == 2:
        for value, have in trace.axes.items():
            if len(have) >= 3 and same(have[-2], want[0]) and same(have[-1], want[1]):
                return trace.emit("UnflattenLike", scope, {"x": x, "like": value}, result, axis=axis)
        for value, have in trace.axes.items():
            if axis == 0 and len(have) >= 2 and same(have[0], want[0]) and same(have[1], want[1]):
                return trace.emit("UnfoldFrames", scope, {"x": x, "like": value}, result)
    raise InexpressibleError(f"an axis of {axes[axis]} cannot be parted into {_text(want)}")


def same(left: Size, right: Size) -> bool:
    """Whether two sizes are equal for all values of their symbols."""
    return left == right or simplify(Dim.of(left) - Dim.of(right)) == 0


def _numbers(left: Dim, right: Dim) -> tuple[int, int]:
    from designer.sources.graph.trace import numbers

    a, b = numbers([left, right])
    return a, b


def _text(axes: Axes) -> str:
    return f"[{', '.join(map(str, axes))}]"
