"""Which block each operator of PyTorch becomes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from designer.dims import simplify
from designer.sources.graph import emit
from designer.sources.graph.einsum import einsum
from designer.sources.pytorch.table import TABLE, Handler, handles
from designer.sources.pytorch.tracer import Operator, State, Tracer, UnsupportedError, Value

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


_CHOICES = ("aten.where.", "aten.masked_fill.")
_SHAPING = ("aten.unsqueeze.", "aten.expand.", "aten.view.", "aten.reshape.", "aten.slice.")
_HALVES = (torch.float16, torch.bfloat16)


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
    if str(want) == "torch.bool" and _is_condition(op.node):
        return source  # which holds where a number is not 0
    block = {"torch.float32": "ToFloat", "torch.float64": "ToDouble"}.get(str(want))
    if block is None or have in _HALVES:
        raise UnsupportedError(f"{have} to {want}")
    return op.emit(block, {"x": source})


@handles("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def _where(tracer: Tracer, op: Operator) -> Any:
    return op.emit("Where", {"condition": op.condition, "a": _tensor(op.self), "b": _tensor(op.other)})


@handles("masked_fill.Scalar", "masked_fill.Tensor")
def _masked_fill(tracer: Tracer, op: Operator) -> Any:
    return op.emit("Where", {"condition": op.mask, "a": _tensor(op.value), "b": op.self})


def _is_condition(node: fx.Node) -> bool:
    """Whether choices alone read a value, or shaped forms of it."""
    return all(
        str(user.target).startswith(_CHOICES)
        or (str(user.target).startswith(_SHAPING) and _is_condition(user))
        for user in node.users
    )


def _tensor(value: Any) -> Any:
    """A number as a tensor of one number."""
    return torch.tensor(float(value)) if _is_number(value) else value


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
