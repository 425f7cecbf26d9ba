"""Which block each operator of PyTorch on axes becomes."""

from typing import Any

import torch

from designer.dims import Dim, simplify
from designer.shapes.functions import Axes
from designer.sources.graph import emit
from designer.sources.graph.reshape import reshape, same
from designer.sources.graph.trace import numbers
from designer.sources.pytorch.blanks import Blank, Window
from designer.sources.pytorch.table import handles
from designer.sources.pytorch.tracer import Operator, State, Tracer, UnsupportedError, Value


@handles("view.default", "reshape.default", "_unsafe_view.default", "flatten.using_ints", "unflatten.int", "unsqueeze.default",
         "squeeze.dim", "squeeze.default", "squeeze.dims", "view_as.default", "reshape_as.default", "unsqueeze_.default")  # fmt: skip
def _reshape(tracer: Tracer, op: Operator) -> Any:
    source = next(iter(op.arguments().values()))
    if op.name == "aten.unsqueeze.default" and not isinstance(source, State):
        axis = op.dim % len(op.axes)
        return op.emit("Unsqueeze", {"x": source}, axis=axis)
    return Value(reshape(tracer.trace, op.scope, tracer.value(source, op.scope), op.axes))


@handles("permute.default")
def _permute(tracer: Tracer, op: Operator) -> Any:
    return _permuted(op, [dim % len(op.axes) for dim in op.dims])


def _permuted(op: Operator, dims: list[int]) -> Any:
    return Value(emit.permute(op.tracer.trace, op.scope, op.tracer.value(op.self, op.scope), dims))


@handles("transpose.int", "t.default", "mT.default", "swapaxes.default")
def _transpose(tracer: Tracer, op: Operator) -> Any:
    given, rank = op.arguments(), len(op.axes)
    first = given.get("dim0", given.get("axis0", -2)) % rank
    second = given.get("dim1", given.get("axis1", -1)) % rank
    dims = list(range(rank))
    dims[first], dims[second] = second, first
    return _permuted(op, dims)


@handles("movedim.int", "movedim.intlist")
def _movedim(tracer: Tracer, op: Operator) -> Any:
    rank = len(op.axes)
    source = [op.source] if isinstance(op.source, int) else op.source
    target = [op.destination] if isinstance(op.destination, int) else op.destination
    placed = {to % rank: at % rank for at, to in zip(source, target, strict=True)}
    rest = iter(axis for axis in range(rank) if axis not in placed.values())
    return _permuted(op, [placed[axis] if axis in placed else next(rest) for axis in range(rank)])


_ELEMENTWISE = ("aten.add.", "aten.sub.", "aten.mul.", "aten.div.", "aten.maximum.")


@handles("expand.default", "expand_as.default", "repeat.default", "broadcast_to.default")
def _expand(tracer: Tracer, op: Operator) -> Any:
    source, wanted = next(iter(op.arguments().values())), op.axes
    have: Axes = op.have(source)
    if len(have) < len(wanted):
        padded = [1] * (len(wanted) - len(have)) + list(have)
        source = Value(reshape(tracer.trace, op.scope, tracer.value(source, op.scope), padded))
        have = padded
    grown = [axis for axis, (a, b) in enumerate(zip(have, wanted, strict=True)) if not same(a, b)]
    if not grown or all(str(user.target).startswith(_ELEMENTWISE) for user in op.node.users):
        return source
    return Value(emit.repeat(tracer.trace, op.scope, tracer.value(source, op.scope), wanted))


@handles(
    "ones.default",
    "zeros.default",
    "full.default",
    "ones_like.default",
    "zeros_like.default",
    "full_like.default",
)
def _filled(tracer: Tracer, op: Operator) -> Any:
    """A tensor of one number, where it only meets tensors that it broadcasts with."""
    if not all(str(user.target).startswith(_ELEMENTWISE) for user in op.node.users):
        raise UnsupportedError("its size is not known")
    number = op.fill_value if "full" in op.name else float("ones" in op.name)
    return torch.full([1] * len(op.axes), float(number))


@handles("slice.Tensor")
def _slice(tracer: Tracer, op: Operator) -> Any:
    written = any(str(user.target).startswith("aten.copy_.") for user in op.node.users)
    if isinstance(op.self, Blank) and written:
        return Window(op.self, op.dim % len(op.axes), op.start or 0, op.step)
    have, axis = op.have(op.self), op.dim % len(op.axes)
    if same(have[axis], op.axes[axis]):
        return op.self
    start, stop = op.start or 0, op.end
    x = tracer.value(op.self, op.scope)
    if isinstance(start, int) and (stop is None or isinstance(stop, int)):
        end = None if stop is None or stop >= 2**62 else stop
        return Value(emit.cut(tracer.trace, op.scope, x, axis, start, end, op.step))
    if op.step != 1:
        raise UnsupportedError("steps between ends that depend on sizes")
    return _part(op, x, axis, start)


@handles("empty_like.default")
def _blank(tracer: Tracer, op: Operator) -> Any:
    return Blank(op.axes)


@handles("copy_.default")
def _write(tracer: Tracer, op: Operator) -> Any:
    if not isinstance(op.self, Window):
        raise UnsupportedError("only into items of a tensor that is empty")
    window = op.self
    window.blank.write(window.axis, window.start, window.step, tracer.value(op.src, op.scope))
    return window


@handles("narrow.default")
def _narrow(tracer: Tracer, op: Operator) -> Any:
    return _part(op, tracer.value(op.self, op.scope), op.dim % len(op.axes), op.start)


def _part(op: Operator, x: str, axis: int, start: Any) -> Any:
    """The items from `start` on, as many as the exported shape says."""
    (first,) = op.tracer.sizes.axes([start])
    have = op.tracer.trace.axes[x][axis]
    if numbers([Dim.of(first)])[0] < 0:  # counted from the end
        first = simplify(Dim.of(have) + first)
    stop = simplify(Dim.of(first) + op.axes[axis])
    return Value(emit.part(op.tracer.trace, op.scope, x, axis, first, stop))


@handles("repeat_interleave.self_int")
def _repeat_interleave(tracer: Tracer, op: Operator) -> Any:
    """Each item several times in a row: an axis of repeats beside it, joined with it."""
    if op.dim is None or not isinstance(op.repeats, int):
        raise UnsupportedError("only a known number of repeats along one axis")
    have = op.have(op.self)
    axis = op.dim % len(have)
    apart = op.emit("Unsqueeze", {"x": op.self}, [*have[: axis + 1], 1, *have[axis + 1 :]], axis=axis + 1)
    repeated = [*have[: axis + 1], op.repeats, *have[axis + 1 :]]
    x = emit.repeat(tracer.trace, op.scope, apart.name, repeated)
    return Value(reshape(tracer.trace, op.scope, x, op.axes))


@handles("outer.default")
def _outer(tracer: Tracer, op: Operator) -> Any:
    rows, columns = op.axes
    left = op.emit("Unsqueeze", {"x": op.self}, [rows, 1], axis=1)
    right = op.emit("Unsqueeze", {"x": op.vec2}, [1, columns], axis=0)
    return op.emit("Multiply", {"a": left, "b": right})


@handles("select.int")
def _select(tracer: Tracer, op: Operator) -> Any:
    return op.emit("Select", {"x": op.self}, axis=op.dim % len(op.have(op.self)), index=op.index)


@handles("unbind.int")
def _unbind(tracer: Tracer, op: Operator) -> Any:
    axis, count = op.dim % len(op.have(op.self)), len(op.node.meta["val"])
    return [op.emit("Select", {"x": op.self}, op.axes_of(i), axis=axis, index=i) for i in range(count)]


@handles("chunk.default", "split.Tensor", "split_with_sizes.default", "split.sizes", "tensor_split.sections")
def _split(tracer: Tracer, op: Operator) -> Any:
    axis = op.dim % len(op.axes)
    sizes = [op.axes_of(index)[axis] for index in range(len(op.node.meta["val"]))]
    made = emit.split(tracer.trace, op.scope, tracer.value(op.self, op.scope), axis, sizes)
    return [Value(one) for one in made]


@handles("cat.default", "concat.default")
def _cat(tracer: Tracer, op: Operator) -> Any:
    return _joined(op, list(op.tensors), op.dim % len(op.axes))


@handles("stack.default")
def _stack(tracer: Tracer, op: Operator) -> Any:
    axis = op.dim % len(op.axes)
    one = [*op.axes[:axis], 1, *op.axes[axis + 1 :]]
    return _joined(op, [op.emit("Unsqueeze", {"x": part}, one, axis=axis) for part in op.tensors], axis)


def _joined(op: Operator, parts: list[Any], axis: int) -> Any:
    values = [op.tracer.value(part, op.scope) for part in parts]
    return Value(emit.concat(op.tracer.trace, op.scope, values, axis))


@handles("pad.default", "constant_pad_nd.default")
def _pad(tracer: Tracer, op: Operator) -> Any:
    if op.arguments().get("mode", "constant") != "constant" or not all(
        isinstance(one, int) for one in op.pad
    ):
        raise UnsupportedError("only constant padding by known numbers")
    return op.emit("Pad", {"x": op.self}, pads=list(op.pad), value=float(op.value or 0.0))


@handles("pixel_unshuffle.default")
def _pixel_unshuffle(tracer: Tracer, op: Operator) -> Any:
    batch, channels, height, width = op.have(op.self)
    r = op.downscale_factor
    parted = [
        batch,
        channels,
        simplify(Dim.of(Dim.of(height) // r)),
        r,
        simplify(Dim.of(Dim.of(width) // r)),
        r,
    ]
    x = Value(reshape(tracer.trace, op.scope, tracer.value(op.self, op.scope), parted))
    moved = [parted[axis] for axis in (0, 1, 3, 5, 2, 4)]
    x = op.emit("Permute", {"x": x}, moved, dims=[0, 1, 3, 5, 2, 4])
    return Value(reshape(tracer.trace, op.scope, x.name, op.axes))


@handles("pixel_shuffle.default")
def _pixel_shuffle(tracer: Tracer, op: Operator) -> Any:
    batch, channels, height, width = op.have(op.self)
    r = op.upscale_factor
    parted = [batch, simplify(Dim.of(channels) // (r * r)), r, r, height, width]
    x = Value(reshape(tracer.trace, op.scope, tracer.value(op.self, op.scope), parted))
    moved = [parted[axis] for axis in (0, 1, 4, 2, 5, 3)]
    x = op.emit("Permute", {"x": x}, moved, dims=[0, 1, 4, 2, 5, 3])
    return Value(reshape(tracer.trace, op.scope, x.name, op.axes))
