"""Shapes that no pattern of sizes can say: "*permuted(S,dims)" in an output of a spec calls a function here.

Each takes the axes bound to star names and parameters of the block, and returns the axes of the output.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from designer.dims import Dim, Size, simplify

Axes = Sequence[Size]
Need = Callable[[Size, str, Size], None]  # requires that left is "==" or "<=" right


def permuted(_: Need, axes: Axes, dims: Sequence[int]) -> Axes:
    """The axes in another order."""
    if sorted(dim % len(axes) for dim in dims) != list(range(len(axes))):
        raise ValueError(f"{list(dims)} does not name each of {len(axes)} axes once")
    return [axes[dim] for dim in dims]


def swapped(_: Need, axes: Axes, first: int, second: int) -> Axes:
    """Two axes exchanged."""
    result = list(axes)
    result[first], result[second] = axes[second], axes[first]
    return result


def merged(_: Need, axes: Axes, start: int, end: int) -> Axes:
    """The axes from start to end, both included, as one."""
    start, end = range(len(axes))[start], range(len(axes))[end]
    if start > end:
        raise ValueError(f"axis {start} comes after axis {end}")
    return [*axes[:start], product(axes[start : end + 1]), *axes[end + 1 :]]


def parted(need: Need, axes: Axes, axis: int, sizes: Sequence[int]) -> Axes:
    """One axis as several; one of the sizes may be -1, the rest of the axis."""
    axis = range(len(axes))[axis]
    known = product([size for size in sizes if size != -1])
    rest = Dim.of(axes[axis]) // Dim.of(known)
    found = [simplify(rest) if size == -1 else size for size in sizes]
    need(axes[axis], "==", product(found))
    return [*axes[:axis], *found, *axes[axis + 1 :]]


def broadcast(need: Need, left: Axes, right: Axes) -> Axes:
    """The axes that both broadcast to."""
    rank = max(len(left), len(right))
    pairs = zip([1] * (rank - len(left)) + list(left), [1] * (rank - len(right)) + list(right), strict=True)
    result: list[Size] = []
    for a, b in pairs:
        if a != 1 and b != 1:
            need(a, "==", b)
        result.append(b if a == 1 or (isinstance(b, int) and b != 1) else a)
    return result


def chosen(need: Need, condition: Axes, left: Axes, right: Axes) -> Axes:
    """The axes that all three broadcast to."""
    return broadcast(need, condition, broadcast(need, left, right))


def taken(need: Need, axes: Axes, like: Axes, axis: int, like_axis: int) -> Axes:
    """One axis as long as one of another list."""
    axis = range(len(axes))[axis]
    need(like[like_axis], "<=", axes[axis])
    return [*axes[:axis], like[like_axis], *axes[axis + 1 :]]


def dropped(need: Need, axes: Axes, like: Axes, axis: int, like_axis: int) -> Axes:
    """One axis shorter by one of another list."""
    axis = range(len(axes))[axis]
    need(like[like_axis], "<=", axes[axis])
    return [*axes[:axis], simplify(Dim.of(axes[axis]) - like[like_axis]), *axes[axis + 1 :]]


def reduced(_: Need, axes: Axes, dims: Sequence[int], keepdim: bool) -> Axes:
    """Some axes gone, or of size 1."""
    gone = {range(len(axes))[dim] for dim in dims}
    return [1 if index in gone else size for index, size in enumerate(axes) if keepdim or index not in gone]


def ones(_: Need, axes: Axes) -> Axes:
    """1 for each axis: one number for all of them."""
    return [1 for _ in axes]


def along(_: Need, axes: Axes, axis: int) -> Axes:
    """The axes as they are, one of them being number `axis`."""
    axes[axis]  # raises IndexError
    return axes


def squeezed(need: Need, axes: Axes, axis: int) -> Axes:
    """One axis, of size 1, gone."""
    axis = range(len(axes))[axis]
    need(axes[axis], "==", 1)
    return [*axes[:axis], *axes[axis + 1 :]]


def selected(need: Need, axes: Axes, axis: int, index: int) -> Axes:
    """One item of an axis; a negative index counts from the end."""
    axis = range(len(axes))[axis]
    need(index + 1 if index >= 0 else -index, "<=", axes[axis])
    return [*axes[:axis], *axes[axis + 1 :]]


def attended(need: Need, axes: Axes, bias: Axes, queries: Size, keys: Size) -> Axes:
    """The axes as they are, with a bias that broadcasts to a logit for each query and key."""
    logits = [*axes, queries, keys]
    if len(bias) > len(logits):
        raise ValueError(f"a bias of {len(bias)} axes does not broadcast to {len(logits)}")
    for size, wanted in zip(reversed(bias), reversed(logits), strict=False):
        if size != 1:
            need(size, "==", wanted)
    return axes


def inserted(_: Need, axes: Axes, axis: int) -> Axes:
    """An axis of size 1 put in."""
    axis = range(len(axes) + 1)[axis]
    return [*axes[:axis], 1, *axes[axis:]]


def sliced(need: Need, axes: Axes, axis: int, start: int, stop: int, step: int) -> Axes:
    """One axis from start to stop (0: to its end) in steps; negative ends count from the end."""
    axis = range(len(axes))[axis]
    size = Dim.of(axes[axis])
    low = size + start if start < 0 else Dim.of(start)
    high = size + stop if stop <= 0 else Dim.of(stop)
    need(max(0, -start, stop), "<=", axes[axis])
    return [*axes[:axis], simplify(Dim.of((high - low + (step - 1)) // step)), *axes[axis + 1 :]]


def joined(need: Need, left: Axes, right: Axes, axis: int) -> Axes:
    """Two lists of axes joined along one."""
    if len(left) != len(right):
        raise ValueError(f"{len(left)} axes cannot be joined with {len(right)}")
    axis = range(len(left))[axis]
    for index, (a, b) in enumerate(zip(left, right, strict=True)):
        if index != axis:
            need(b, "==", a)
    return [
        simplify(Dim.of(a) + b) if i == axis else a for i, (a, b) in enumerate(zip(left, right, strict=True))
    ]


def divided(need: Need, axes: Axes, axis: int, count: int) -> Axes:
    """One axis divided into equal parts."""
    axis = range(len(axes))[axis]
    part = Dim.of(axes[axis]) // count
    need(axes[axis], "==", Dim.of(part) * count)
    return [*axes[:axis], simplify(part), *axes[axis + 1 :]]


def gridded(need: Need, axes: Axes, axis: int, height: Size, width: Size) -> Axes:
    """One axis as rows and columns."""
    axis = range(len(axes))[axis]
    need(axes[axis], "==", product([height, width]))
    return [*axes[:axis], height, width, *axes[axis + 1 :]]


def expanded(_: Need, axes: Axes, sizes: Sequence[int]) -> Axes:
    """Axes of size 1 repeated; -1 keeps an axis."""
    found = []
    for have, want in zip(axes, sizes, strict=True):
        if want not in (-1, have) and have != 1:
            raise ValueError(f"an axis of size {have} cannot become {want}")
        found.append(have if want == -1 else want)
    return found


def padded(_: Need, axes: Axes, pads: Sequence[int]) -> Axes:
    """The last axes longer: pads before and after, last axis first."""
    result = list(axes)
    for index in range(0, len(pads), 2):
        axis = len(axes) - 1 - index // 2
        result[axis] = simplify(Dim.of(axes[axis]) + pads[index] + pads[index + 1])
    return result


def listed(_: Need, sizes: Sequence[int]) -> Axes:
    """The sizes that a parameter lists."""
    return list(sizes)


def product(axes: Axes) -> Size:
    """Return the product of sizes."""
    result = Dim.of(1)
    for size in axes:
        result = result * size
    return simplify(result)


FUNCTIONS: Mapping[str, Callable[..., Axes]] = {
    one.__name__: one
    for one in (
        permuted, swapped, merged, parted, broadcast, reduced, inserted, sliced, joined, divided,
        gridded, expanded, padded, listed, ones, along, squeezed, selected, attended,
        chosen, taken, dropped,
    )
}  # fmt: skip


def call(text: str, names: Mapping[str, Any], need: Need) -> Axes:
    """Return the axes that "function(name,…)" describes. Raises ValueError where it describes none."""
    tree = ast.parse(text, mode="eval").body
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.func.id not in FUNCTIONS:
        raise ValueError(f"{text!r} calls no shape function; there are {', '.join(FUNCTIONS)}")
    values = [names[one.id] if isinstance(one, ast.Name) else ast.literal_eval(one) for one in tree.args]
    return FUNCTIONS[tree.func.id](need, *values)
