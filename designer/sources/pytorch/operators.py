"""Which block each operator of PyTorch becomes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from designer.dims import Dim, simplify
from designer.shapes.functions import Axes
from designer.sources.graph import emit
from designer.sources.graph.einsum import einsum
from designer.sources.graph.reshape import reshape, same
from designer.sources.pytorch.tracer import Operator, State, Tracer, UnsupportedError, Value

Handler = Callable[[Tracer, Operator], Any]
TABLE: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators, overload included."""

    def register(handler: Handler) -> Handler:
        TABLE.update({f"aten.{name}": handler for name in names})
        return handler

    return register


# -- operators of one tensor without parameters -------------------------------------------------------------

_POINTWISE = {
    "silu": "SiLU", "relu": "ReLU", "mish": "Mish", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "sin": "Sine",
    "cos": "Cosine", "abs": "Absolute", "neg": "Negate", "erf": "Erf", "log": "Log", "sqrt": "Sqrt", "rsqrt": "Rsqrt",
    "reciprocal": "Reciprocal",
}  # fmt: skip


def _pointwise(block: str) -> Handler:
    return lambda tracer, op: op.emit(block, {"x": next(iter(op.arguments().values()))})


TABLE.update(
    {
        f"aten.{name}{suffix}.default": _pointwise(block)
        for name, block in _POINTWISE.items()
        for suffix in ("", "_")
    }
)


@handles("gelu.default")
def _gelu(tracer: Tracer, op: Operator) -> Any:
    return op.emit("GELU", {"x": op.self}, approximate=op.approximate)


@handles("softplus.default")
def _softplus(tracer: Tracer, op: Operator) -> Any:
    if (op.beta, op.threshold) != (1, 20):
        raise UnsupportedError(f"beta {op.beta}, threshold {op.threshold}")
    return op.emit("Softplus", {"x": op.self})


@handles("dropout.default", "dropout_.default", "feature_dropout.default", "contiguous.default", "clone.default", "detach.default", "detach_.default",
         "alias.default", "lift_fresh_copy.default", "alpha_dropout.default")  # fmt: skip
def _same(tracer: Tracer, op: Operator) -> Any:
    return next(iter(op.arguments().values()))


@handles(
    "to.dtype",
    "to.dtype_layout",
    "to.device",
    "to.other",
    "_to_copy.default",
    "type_as.default",
    "float.default",
)
def _cast(tracer: Tracer, op: Operator) -> Any:
    source = next(iter(op.arguments().values()))
    have = op.node.all_input_nodes[0].meta["val"].dtype
    want = op.node.meta["val"].dtype
    if have == want:
        return source
    if str(want) != "torch.float32" or have.is_floating_point:
        raise UnsupportedError(f"{have} to {want}")
    return op.emit("ToFloat", {"x": source})


@handles("softmax.int", "_softmax.default")
def _softmax(tracer: Tracer, op: Operator) -> Any:
    axis = op.dim
    return op.emit("Softmax", {"x": op.self}, axis=axis if axis < 0 or axis != len(op.axes) - 1 else -1)


@handles("clamp.default", "clamp_min.default", "clamp_max.default", "relu6.default", "hardtanh.default")
def _clamp(tracer: Tracer, op: Operator) -> Any:
    given = op.arguments()
    low, high = given.get("min", given.get("min_val")), given.get("max", given.get("max_val"))
    if "relu6" in op.name:
        low, high = 0.0, 6.0
    low, high = (-3.0e38 if low is None else low), (3.0e38 if high is None else high)
    return op.emit("Clamp", {"x": op.self}, low=float(low), high=float(high))


# -- arithmetic ----------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """A constant tensor of one number as that number."""
    tensor = value.tensor if isinstance(value, State) and not value.learned else value
    return float(tensor) if isinstance(tensor, Tensor) and tensor.numel() == 1 and tensor.ndim <= 1 else value


def _operand(tracer: Tracer, op: Operator, value: Any) -> str | float:
    """A value of the trace, or a number."""
    plain = _plain(value)
    return float(plain) if _is_number(plain) else tracer.value(plain, op.scope)


def _arithmetic(function: Callable[..., str], swapped: bool = False) -> Handler:
    def handler(tracer: Tracer, op: Operator) -> Any:
        left, right = _operand(tracer, op, op.self), _operand(tracer, op, op.other)
        alpha = float(op.arguments().get("alpha", 1))
        if isinstance(right, float):
            right = right * alpha
        else:
            right = emit.scale(tracer.trace, op.scope, right, alpha)
        left, right = (right, left) if swapped else (left, right)
        return Value(function(tracer.trace, op.scope, left, right))

    return handler


for _name, _function in (
    ("add", emit.add),
    ("sub", emit.subtract),
    ("mul", emit.multiply),
    ("div", emit.divide),
):
    for _overload in (f"{_name}.Tensor", f"{_name}_.Tensor", f"{_name}.Scalar"):
        TABLE[f"aten.{_overload}"] = _arithmetic(_function)
for _overload in ("rsub.Scalar", "rsub.Tensor"):
    TABLE[f"aten.{_overload}"] = _arithmetic(emit.subtract, swapped=True)


def _scaled(op: Operator, value: Any, factor: float) -> Any:
    return Value(emit.scale(op.tracer.trace, op.scope, op.tracer.value(value, op.scope), float(factor)))


def _sum(op: Operator, left: Any, right: Any) -> Any:
    values = (op.tracer.value(left, op.scope), op.tracer.value(right, op.scope))
    return Value(emit.add(op.tracer.trace, op.scope, *values))


@handles("pow.Tensor_Scalar")
def _power(tracer: Tracer, op: Operator) -> Any:
    return op.emit("Power", {"x": op.self}, exponent=float(op.exponent))


@handles("square.default")
def _square(tracer: Tracer, op: Operator) -> Any:
    return op.emit("Power", {"x": op.self}, exponent=2.0)


@handles("maximum.default")
def _maximum(tracer: Tracer, op: Operator) -> Any:
    return op.emit("Maximum", {"a": op.self, "b": op.other})


@handles("addcmul.default")
def _addcmul(tracer: Tracer, op: Operator) -> Any:
    product = op.emit("Multiply", {"a": op.tensor1, "b": op.tensor2}, op.axes)
    return _sum(op, op.self, _scaled(op, product, op.value))


@handles("lerp.Scalar")
def _lerp(tracer: Tracer, op: Operator) -> Any:
    left = _scaled(op, op.self, 1 - op.weight)
    return _sum(op, left, _scaled(op, op.end, op.weight))


# -- axes ----------------------------------------------------------------------------------------------------


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
    have, axis = op.have(op.self), op.dim % len(op.axes)
    if same(have[axis], op.axes[axis]):
        return op.self
    start, stop = op.start or 0, op.end
    if not isinstance(start, int) or not (stop is None or isinstance(stop, int)):
        raise UnsupportedError("its ends depend on sizes")
    end = None if stop is None or stop >= 2**62 else stop
    return Value(emit.cut(tracer.trace, op.scope, tracer.value(op.self, op.scope), axis, start, end, op.step))


@handles("narrow.default")
def _narrow(tracer: Tracer, op: Operator) -> Any:
    if not isinstance(op.start, int) or not isinstance(op.length, int):
        raise UnsupportedError("its ends depend on sizes")
    return op.emit(
        "Slice", {"x": op.self}, axis=op.dim % len(op.axes), start=op.start, stop=op.start + op.length, step=1
    )


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


# -- reductions ----------------------------------------------------------------------------------------------


def _reduced(block: str, op: Operator, dims: Any, keepdim: bool) -> Any:
    rank = len(op.have(op.self))
    listed = [dims] if isinstance(dims, int) else list(dims or range(rank))
    return op.emit(block, {"x": op.self}, dims=[dim % rank for dim in listed], keepdim=bool(keepdim))


@handles("mean.dim", "sum.dim_IntList", "amax.default")
def _reduce(tracer: Tracer, op: Operator) -> Any:
    block = {"mean": "Mean", "sum": "Sum", "amax": "Largest"}[op.name.split(".")[1]]
    return _reduced(block, op, op.dim, op.keepdim)


@handles("var.correction", "var.dim")
def _variance(tracer: Tracer, op: Operator) -> Any:
    given = op.arguments()
    if given.get("correction", 1 if given.get("unbiased", True) else 0) != 0:
        raise UnsupportedError("only the variance divided by the number of values")
    return _reduced("Variance", op, op.dim, op.keepdim)


@handles("linalg_vector_norm.default", "norm.ScalarOpt_dim")
def _length(tracer: Tracer, op: Operator) -> Any:
    given = op.arguments()
    if given.get("ord", given.get("p")) != 2:
        raise UnsupportedError("only the Euclidean norm")
    return _reduced("Length", op, op.dim, op.keepdim)


# -- products and attention ----------------------------------------------------------------------------------


@handles("matmul.default", "bmm.default", "mm.default")
def _matmul(tracer: Tracer, op: Operator) -> Any:
    left, right = op.self, op.arguments().get("other", op.arguments().get("mat2"))
    if len(op.have(left)) < 2 or len(op.have(right)) < 2:
        raise UnsupportedError("products with vectors")
    return op.emit("MatMul", {"a": left, "b": right})


@handles("einsum.default")
def _einsum(tracer: Tracer, op: Operator) -> Any:
    parts = [tracer.value(one, op.scope) for one in op.tensors]
    return Value(einsum(tracer.trace, op.scope, op.equation, parts))


@handles("scaled_dot_product_attention.default")
def _attention(tracer: Tracer, op: Operator) -> Any:
    heads = {"q": op.query, "k": op.key, "v": op.value}
    width = simplify(op.have(op.query)[-1])
    if op.scale is not None:
        heads["q"] = _scaled(op, op.query, op.scale * float(width) ** 0.5)  # type: ignore[arg-type]
    if op.enable_gqa:
        raise UnsupportedError("grouped queries")
    if op.is_causal:
        return op.emit("CausalHeadAttention", heads)
    if op.attn_mask is not None:
        return op.emit("BiasedHeadAttention", {**heads, "bias": op.attn_mask})
    return op.emit("HeadAttention", heads)
