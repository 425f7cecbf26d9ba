"""Which blocks the ONNX operators on axes become."""

from typing import Any

import numpy as np

from designer.dims import Dim, Size, simplify
from designer.shapes.functions import Axes, product
from designer.sources.graph import emit
from designer.sources.graph.reshape import reshape, same
from designer.sources.graph.trace import numbers
from designer.sources.onnx.tracer import Operator, Tracer, UnsupportedError, handles


@handles("Identity", "Dropout")
def _same(tracer: Tracer, op: Operator) -> Any:
    return op.value(0)


@handles("Cast", "CastLike")
def _cast(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    declared = {one.name: one.dtype for one in tracer.trace.inputs}
    if declared.get(x, "float32") == "float32":
        return x
    if op.attributes.get("to") not in (1, None):
        return x
    return op.emit("ToFloat", {"x": x}, tracer.trace.axes[x])


@handles("Reshape")
def _reshape(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    have = tracer.trace.axes[x]
    wanted: list[Size] = [
        have[index]
        if isinstance(one, (int, np.integer)) and one == 0
        else one
        if isinstance(one, Dim)
        else int(one)
        for index, one in enumerate(op.array(1, "shape").reshape(-1))
    ]
    if any(isinstance(one, int) and one == -1 for one in wanted):
        rest = Dim.of(product([one for one in wanted if not (isinstance(one, int) and one == -1)]))
        missing = simplify(Dim.of(Dim.of(product(have)) // rest))
        wanted = [missing if isinstance(one, int) and one == -1 else one for one in wanted]
    return reshape(tracer.trace, op.scope, x, wanted)


@handles("Flatten")
def _flatten(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    have = tracer.trace.axes[x]
    axis = op.attributes.get("axis", 1) % (len(have) + 1)
    return reshape(tracer.trace, op.scope, x, [product(have[:axis]), product(have[axis:])])


@handles("Transpose")
def _transpose(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    dims = list(op.attributes.get("perm", range(len(tracer.trace.axes[x]) - 1, -1, -1)))
    return emit.permute(tracer.trace, op.scope, x, dims)


@handles("Unsqueeze", "Squeeze")
def _squeeze(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    axes = list(tracer.trace.axes[x])
    given = op.integers(1, "axes")
    if op.name == "Unsqueeze":
        assert given is not None
        rank = len(axes) + len(given)
        for axis in sorted(one % rank for one in given):
            axes.insert(axis, 1)
    else:
        gone = (
            {one % len(axes) for one in given}
            if given
            else {i for i, size in enumerate(axes) if same(size, 1)}
        )
        axes = [size for index, size in enumerate(axes) if index not in gone]
    return reshape(tracer.trace, op.scope, x, axes)


@handles("Concat")
def _concat(tracer: Tracer, op: Operator) -> Any:
    parts = [op.value(index) for index in range(len(op.inputs))]
    return emit.concat(
        tracer.trace, op.scope, parts, op.attributes["axis"] % len(tracer.trace.axes[parts[0]])
    )


@handles("Split")
def _split(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    have = tracer.trace.axes[x]
    axis = op.attributes.get("axis", 0) % len(have)
    count = op.attributes.get("num_outputs", len(op.node.output))
    sizes: list[Size] = list(op.integers(1, "split") or [])
    if not sizes:
        sizes = [simplify(Dim.of(Dim.of(have[axis]) // count))] * count
    return emit.split(tracer.trace, op.scope, x, axis, sizes)


@handles("Slice")
def _slice(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    starts, ends = op.sizes(1, "starts"), op.sizes(2, "ends")
    axes = op.integers(3, "axes") or list(range(len(starts)))
    steps = op.integers(4, "steps") or [1] * len(starts)
    for start, end, given, step in zip(starts, ends, axes, steps, strict=True):
        axis = given % len(tracer.trace.axes[x])
        stop = None if isinstance(end, int) and end >= 2**31 - 1 else end
        if step < 1:
            raise UnsupportedError("negative steps")
        if isinstance(start, int) and (stop is None or isinstance(stop, int)):
            x = emit.cut(tracer.trace, op.scope, x, axis, start, stop, step)
        elif step > 1:
            raise UnsupportedError("steps between ends that depend on sizes")
        else:
            ends_at = [_from_start(one, tracer.trace.axes[x][axis]) for one in (start, stop)]
            x = emit.part(tracer.trace, op.scope, x, axis, ends_at[0] or 0, ends_at[1])
    return x


def _from_start(place: Size | None, size: Size) -> Size | None:
    """A place on an axis, which a negative one states from its end."""
    if place is None or numbers([Dim.of(place)])[0] >= 0:
        return place
    return simplify(Dim.of(size) + place)


@handles("Gather")
def _gather(tracer: Tracer, op: Operator) -> Any:
    axis = op.attributes.get("axis", 0)
    if isinstance(op.input(0), np.ndarray) and axis == 0 and op.input(0).ndim == 2:
        table, index = op.input(0), op.value(1)
        axes = [*tracer.trace.axes[index], table.shape[1]]
        rows, columns = table.shape
        return op.emit(
            "Embedding", {"index": index}, axes, {"weight": table}, num_embeddings=rows, embedding_dim=columns
        )
    index = op.array(1, "index")
    x = op.value(0)
    have = tracer.trace.axes[x]
    axis %= len(have)
    if index.ndim == 0:
        return op.emit("Select", {"x": x}, [*have[:axis], *have[axis + 1 :]], axis=axis, index=int(index))
    listed = [int(one) for one in index.reshape(-1)]
    if index.ndim != 1 or listed != list(range(listed[0], listed[0] + len(listed))):
        raise UnsupportedError("an index that is no range")
    return emit.cut(tracer.trace, op.scope, x, axis, listed[0], listed[-1] + 1, 1)


@handles("Expand")
def _expand(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    shape: Axes = [one if isinstance(one, Dim) else int(one) for one in op.array(1, "shape").reshape(-1)]
    have = [1] * (len(shape) - len(tracer.trace.axes[x])) + list(tracer.trace.axes[x])
    x = reshape(tracer.trace, op.scope, x, have)
    wanted = [b if same(a, 1) else a for a, b in zip(have, shape, strict=True)]
    broadcasts = all(
        user.op_type in ("Add", "Mul", "Sub", "Div") for user in tracer.users.get(op.node.output[0], [])
    )
    return x if broadcasts else emit.repeat(tracer.trace, op.scope, x, wanted)


@handles("Pad")
def _pad(tracer: Tracer, op: Operator) -> Any:
    if op.attributes.get("mode", "constant") != "constant" or op.input(3) is not None:
        raise UnsupportedError("only constant padding of every axis")
    x, pads = op.value(0), op.integers(1, "pads") or []
    have = tracer.trace.axes[x]
    rank = len(have)
    before, after = pads[:rank], pads[rank:]
    first = next((axis for axis in range(rank) if before[axis] or after[axis]), rank)
    axes = [simplify(Dim.of(size) + before[axis] + after[axis]) for axis, size in enumerate(have)]
    flat = [one for axis in range(rank - 1, first - 1, -1) for one in (before[axis], after[axis])]
    value = float(op.operand(2)) if op.input(2) is not None else 0.0
    return op.emit("Pad", {"x": x}, axes, pads=flat, value=value) if flat else x


@handles("DepthToSpace")
def _depth_to_space(tracer: Tracer, op: Operator) -> Any:
    x, r = op.value(0), op.attributes["blocksize"]
    batch, channels, height, width = tracer.trace.axes[x]
    count = simplify(Dim.of(Dim.of(channels) // (r * r)))
    column_first = op.attributes.get("mode", "DCR") == "CRD"
    parted: Axes = (
        [batch, count, r, r, height, width] if column_first else [batch, r, r, count, height, width]
    )
    dims = [0, 1, 4, 2, 5, 3] if column_first else [0, 3, 4, 1, 5, 2]
    x = emit.permute(tracer.trace, op.scope, reshape(tracer.trace, op.scope, x, parted), dims)
    return reshape(
        tracer.trace, op.scope, x, [batch, count, simplify(Dim.of(height) * r), simplify(Dim.of(width) * r)]
    )


@handles("ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2")
def _reduce(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    have = tracer.trace.axes[x]
    dims = sorted(one % len(have) for one in op.integers(1, "axes") or range(len(have)))
    keep = bool(op.attributes.get("keepdims", 1))
    axes = [1 if index in dims else size for index, size in enumerate(have) if keep or index not in dims]
    block = {"ReduceMean": "Mean", "ReduceSum": "Sum", "ReduceMax": "Largest", "ReduceL2": "Length"}[op.name]
    return op.emit(block, {"x": x}, axes, dims=dims, keepdim=keep)


@handles("GlobalAveragePool")
def _global(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    have = tracer.trace.axes[x]
    return op.emit(
        "Mean", {"x": x}, [*have[:2], *[1] * (len(have) - 2)], dims=list(range(2, len(have))), keepdim=True
    )
