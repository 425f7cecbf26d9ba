"""Which blocks the ONNX operators that compute become: arithmetic, layers with weights, attention."""

from typing import Any

import numpy as np

from designer.dims import Dim, Size, simplify
from designer.shapes.functions import Axes, broadcast, chosen
from designer.sources.graph import emit
from designer.sources.graph.einsum import einsum
from designer.sources.graph.reshape import same
from designer.sources.onnx.tracer import Operator, Tracer, UnsupportedError, handles

_POINTWISE = {
    "Relu": "ReLU", "Mish": "Mish", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Exp": "Exp", "Sin": "Sine", "Cos": "Cosine",
    "Abs": "Absolute", "Neg": "Negate", "Erf": "Erf", "Log": "Log", "Sqrt": "Sqrt", "Reciprocal": "Reciprocal",
    "Softplus": "Softplus", "Swish": "SiLU",
}  # fmt: skip


@handles(*_POINTWISE)
def _pointwise(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    user = tracer.sole_user(op.node.output[0])
    if op.name == "Sigmoid" and user is not None and user.op_type == "Mul" and op.node.input[0] in user.input:
        tracer.fused[user.output[0]] = op.emit("SiLU", {"x": x}, tracer.trace.axes[x])
        return tracer.fused[user.output[0]]
    return op.emit(_POINTWISE[op.name], {"x": x}, tracer.trace.axes[x])


@handles("Gelu")
def _gelu(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    return op.emit(
        "GELU", {"x": x}, tracer.trace.axes[x], approximate=op.attributes.get("approximate", "none")
    )


@handles("Softmax")
def _softmax(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    rank = len(tracer.trace.axes[x])
    axis = op.attributes.get("axis", -1) % rank
    return op.emit("Softmax", {"x": x}, tracer.trace.axes[x], axis=-1 if axis == rank - 1 else axis)


@handles("Clip")
def _clip(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    low = op.operand(1) if op.input(1) is not None else op.attributes.get("min", -3.0e38)
    high = op.operand(2) if op.input(2) is not None else op.attributes.get("max", 3.0e38)
    if isinstance(low, str) or isinstance(high, str):
        raise UnsupportedError("limits that are computed")
    return op.emit("Clamp", {"x": x}, tracer.trace.axes[x], low=float(low), high=float(high))


@handles("Add", "Sub", "Mul", "Div")
def _arithmetic(tracer: Tracer, op: Operator) -> Any:
    function = {"Add": emit.add, "Sub": emit.subtract, "Mul": emit.multiply, "Div": emit.divide}[op.name]
    return function(tracer.trace, op.scope, op.operand(0), op.operand(1))


@handles("Sum")
def _sum(tracer: Tracer, op: Operator) -> Any:
    total = op.value(0)
    for index in range(1, len(op.inputs)):
        total = emit.add(tracer.trace, op.scope, total, op.operand(index))
    return total


@handles("Max")
def _maximum(tracer: Tracer, op: Operator) -> Any:
    if len(op.inputs) != 2:
        raise UnsupportedError("only of two values")
    a, b = op.value(0), op.value(1)
    axes = broadcast(lambda *_: None, tracer.trace.axes[a], tracer.trace.axes[b])
    return op.emit("Maximum", {"a": a, "b": b}, axes)


@handles("Where")
def _where(tracer: Tracer, op: Operator) -> Any:
    values = {port: op.value(index) for index, port in enumerate(("condition", "a", "b"))}
    condition, a, b = (tracer.trace.axes[one] for one in values.values())
    return op.emit("Where", values, chosen(lambda *_: None, condition, a, b))


@handles("Pow")
def _power(tracer: Tracer, op: Operator) -> Any:
    x, exponent = op.value(0), op.operand(1)
    if isinstance(exponent, str):
        raise UnsupportedError("an exponent that is computed")
    return op.emit("Power", {"x": x}, tracer.trace.axes[x], exponent=exponent)


# -- products ------------------------------------------------------------------------------------------------


@handles("MatMul")
def _matmul(tracer: Tracer, op: Operator) -> Any:
    right = op.input(1)
    if isinstance(right, np.ndarray) and right.ndim == 2 and isinstance(op.input(0), str):
        return _linear(tracer, op, right.T)
    a, b = op.value(0), op.value(1)
    left_axes, right_axes = tracer.trace.axes[a], tracer.trace.axes[b]
    if len(left_axes) < 2 or len(right_axes) < 2:
        raise UnsupportedError("products with vectors")
    outer = broadcast(lambda *_: None, left_axes[:-2], right_axes[:-2])
    return op.emit("MatMul", {"a": a, "b": b}, [*outer, left_axes[-2], right_axes[-1]])


def _linear(tracer: Tracer, op: Operator, weight: Any) -> Any:
    """A product with a constant matrix is a linear layer; a constant vector added to it is its bias."""
    x = op.value(0)
    axes = [*tracer.trace.axes[x][:-1], weight.shape[0]]
    user, weights = tracer.sole_user(op.node.output[0]), {"weight": weight}
    if user is not None and user.op_type == "Add":
        other = next(name for name in user.input if name != op.node.output[0])
        bias = tracer.values.get(other)
        if isinstance(bias, np.ndarray) and bias.shape == (weight.shape[0],):
            found = op.emit("Linear", {"x": x}, axes, {**weights, "bias": bias}, out_features=weight.shape[0])
            tracer.fused[user.output[0]] = found
            return found
    return op.emit("Linear", {"x": x}, axes, weights, out_features=weight.shape[0], bias=False)


@handles("Gemm")
def _gemm(tracer: Tracer, op: Operator) -> Any:
    given = op.attributes
    weight = op.array(1, "weight")
    if given.get("alpha", 1.0) != 1 or given.get("beta", 1.0) != 1 or given.get("transA", 0):
        raise UnsupportedError("factors or a transposed input")
    weight = weight if given.get("transB", 0) else weight.T
    x = op.value(0)
    axes = [*tracer.trace.axes[x][:-1], weight.shape[0]]
    if op.input(2) is None:
        return op.emit("Linear", {"x": x}, axes, {"weight": weight}, out_features=weight.shape[0], bias=False)
    bias = np.broadcast_to(op.array(2, "bias").reshape(-1), (weight.shape[0],))
    return op.emit("Linear", {"x": x}, axes, {"weight": weight, "bias": bias}, out_features=weight.shape[0])


@handles("Einsum")
def _einsum(tracer: Tracer, op: Operator) -> Any:
    parts = [op.value(index) for index in range(len(op.inputs))]
    return einsum(tracer.trace, op.scope, op.attributes["equation"], parts)


@handles("Attention")
def _attention(tracer: Tracer, op: Operator) -> Any:
    heads = {port: op.value(index) for index, port in enumerate("qkv")}
    q, v = tracer.trace.axes[heads["q"]], tracer.trace.axes[heads["v"]]
    plain = all(one is None for one in op.inputs[4:]) and len(op.node.output) == 1 and len(q) == 4
    if not plain or op.attributes.get("softcap", 0.0):
        raise UnsupportedError("only of four axes, without cache and soft cap")
    width = simplify(q[-1])
    if "scale" in op.attributes:
        factor = op.attributes["scale"] * float(width) ** 0.5  # type: ignore[arg-type]
        heads["q"] = emit.scale(tracer.trace, op.scope, heads["q"], 1.0 if abs(factor - 1) < 1e-6 else factor)
    axes = [*q[:-1], v[-1]]
    if op.input(3) is not None:
        return op.emit("BiasedHeadAttention", {**heads, "bias": op.value(3)}, axes)
    return op.emit("CausalHeadAttention" if op.attributes.get("is_causal") else "HeadAttention", heads, axes)


# -- layers --------------------------------------------------------------------------------------------------


def _one(numbers: Any, what: str) -> int:
    if len(set(numbers)) != 1:
        raise UnsupportedError(f"{what} {list(numbers)}: only equal numbers")
    return int(next(iter(numbers)))


def _padding(op: Operator, kernel: int, rank: int) -> int:
    auto = op.attributes.get("auto_pad", "NOTSET")
    if auto == "SAME_UPPER" and kernel % 2 and set(op.attributes.get("strides", [1])) == {1}:
        return kernel // 2
    if auto not in ("NOTSET", "VALID"):
        raise UnsupportedError(f"auto_pad {auto}")
    return 0 if auto == "VALID" else _one(op.attributes.get("pads", [0] * (2 * rank)), "pads")


def _padded(tracer: Tracer, op: Operator, x: str, rank: int) -> str:
    """Padding that differs between the borders goes before the convolution, which then has none."""
    pads = op.attributes.get("pads", [])
    if len(set(pads)) < 2:
        return x
    op.attributes["pads"] = [0] * len(pads)
    before, after, have = pads[:rank], pads[rank:], tracer.trace.axes[x]
    sides = [simplify(Dim.of(size) + before[i] + after[i]) for i, size in enumerate(have[2:])]
    flat = [one for axis in reversed(range(rank)) for one in (before[axis], after[axis])]
    return op.emit("Pad", {"x": x}, [*have[:2], *sides], pads=flat)


def _window(axes: Axes, kernel: int, stride: int, padding: int) -> list[Size]:
    return [simplify(Dim.of(Dim.of(Dim.of(size) + (2 * padding - kernel)) // stride) + 1) for size in axes]


@handles("Conv")
def _conv(tracer: Tracer, op: Operator) -> Any:
    weight, x = op.array(1, "weight"), op.value(0)
    rank = weight.ndim - 2
    kernel = _one(weight.shape[2:], "kernel")
    stride = _one(op.attributes.get("strides", [1] * rank), "strides")
    dilation = _one(op.attributes.get("dilations", [1] * rank), "dilations")
    groups, reach = op.attributes.get("group", 1), dilation * (kernel - 1) + 1
    x = _padded(tracer, op, x, rank)
    padding = _padding(op, reach, rank)
    have = tracer.trace.axes[x]
    axes = [have[0], weight.shape[0], *_window(have[2:], reach, stride, padding)]
    weights, params = (
        {"weight": weight},
        {"out_channels": weight.shape[0], "kernel_size": kernel, "stride": stride, "padding": padding},
    )
    if op.input(2) is None:
        params["bias"] = False
    else:
        weights["bias"] = op.array(2, "bias")
    if groups == 1 and dilation == 1 and rank in (1, 2, 3):
        return op.emit(f"Conv{rank}d", {"x": x}, axes, weights, **params)
    if rank != 2:
        raise UnsupportedError("groups or dilation in a convolution that is not of two dimensions")
    return op.emit("GroupedConv2d", {"x": x}, axes, weights, **params, groups=groups, dilation=dilation)


@handles("ConvTranspose")
def _conv_transpose(tracer: Tracer, op: Operator) -> Any:
    weight, x = op.array(1, "weight"), op.value(0)
    given = op.attributes
    if (
        op.input(2) is None
        or weight.ndim != 4
        or given.get("group", 1) != 1
        or any(given.get("output_padding", [0]))
        or set(given.get("dilations", [1])) != {1}
    ):
        raise UnsupportedError("only of maps with bias, without groups, dilation and output padding")
    kernel, stride = _one(weight.shape[2:], "kernel"), _one(given.get("strides", [1, 1]), "strides")
    padding, have = _padding(op, kernel, 2), tracer.trace.axes[x]
    sides = [simplify((Dim.of(size) - 1) * stride + (kernel - 2 * padding)) for size in have[2:]]
    return op.emit(
        "ConvTranspose2d", {"x": x}, [have[0], weight.shape[1], *sides], {"weight": weight, "bias": op.array(2, "bias")},
        out_channels=weight.shape[1], kernel_size=kernel, stride=stride, padding=padding,
    )  # fmt: skip


@handles("LayerNormalization", "RMSNormalization")
def _layer_norm(tracer: Tracer, op: Operator) -> Any:
    x, scale = op.value(0), op.array(1, "scale")
    axes = tracer.trace.axes[x]
    if op.attributes.get("axis", -1) not in (-1, len(axes) - 1):
        raise UnsupportedError("only over the last axis")
    eps = round(float(op.attributes.get("epsilon", 1e-5)), 12)
    if op.name == "RMSNormalization":
        return op.emit("RMSNorm", {"x": x}, axes, {"weight": scale}, eps=eps)
    bias = op.array(2, "bias") if op.input(2) is not None else np.zeros_like(scale)
    if (scale == 1).all() and (bias == 0).all() and op.node.input[1] not in tracer.learned:
        return op.emit("LayerNorm", {"x": x}, axes, eps=eps, elementwise_affine=False)
    return op.emit("LayerNorm", {"x": x}, axes, {"weight": scale, "bias": bias}, eps=eps)


@handles("GroupNormalization", "InstanceNormalization")
def _group_norm(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    channels = simplify(tracer.trace.axes[x][1])
    groups = op.attributes.get("num_groups", channels)
    scale, bias = op.array(1, "scale"), op.array(2, "bias")
    if scale.size != channels:  # older versions hold one number a group
        scale, bias = (np.repeat(one, channels // one.size) for one in (scale, bias))
    eps = round(float(op.attributes.get("epsilon", 1e-5)), 12)
    return op.emit(
        "GroupNorm",
        {"x": x},
        tracer.trace.axes[x],
        {"weight": scale, "bias": bias},
        num_groups=groups,
        eps=eps,
    )


@handles("BatchNormalization")
def _batch_norm(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    if len(tracer.trace.axes[x]) != 4 or op.attributes.get("training_mode", 0):
        raise UnsupportedError("only of maps, outside training")
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {name: op.array(index + 1, name) for index, name in enumerate(names)}
    eps = round(float(op.attributes.get("epsilon", 1e-5)), 12)
    return op.emit("FixedBatchNorm", {"x": x}, tracer.trace.axes[x], weights, eps=eps)


@handles("AveragePool", "MaxPool")
def _pool(tracer: Tracer, op: Operator) -> Any:
    x, kernel = op.value(0), _one(op.attributes["kernel_shape"], "kernel_shape")
    stride = _one(op.attributes.get("strides", [1, 1]), "strides")
    padding = _padding(op, kernel, 2)
    include = op.name == "MaxPool" or padding == 0 or op.attributes.get("count_include_pad", 0)
    have = tracer.trace.axes[x]
    if (
        len(have) != 4
        or op.attributes.get("ceil_mode", 0)
        or not include
        or set(op.attributes.get("dilations", [1])) != {1}
    ):
        raise UnsupportedError("ceil_mode, dilation, or padding that is not counted")
    axes = [*have[:2], *_window(have[2:], kernel, stride, padding)]
    block = "WindowMean" if op.name == "AveragePool" else "WindowMax"
    return op.emit(block, {"x": x}, axes, kernel_size=kernel, stride=stride, padding=padding)


@handles("Resize", "Upsample")
def _resize(tracer: Tracer, op: Operator) -> Any:
    x = op.value(0)
    have, mode = tracer.trace.axes[x], op.attributes.get("mode", "nearest")
    scales = op.input(2) if op.name == "Resize" else op.input(1)
    if isinstance(scales, np.ndarray) and scales.size:
        factors = [float(one) for one in scales.reshape(-1)]
    else:
        sizes = op.array(3, "sizes").reshape(-1)
        factors = [_factor(one, size) for one, size in zip(sizes, have, strict=True)]
    aligned = op.attributes.get("coordinate_transformation_mode", "half_pixel")
    known = (mode == "nearest" and aligned in ("asymmetric", "half_pixel")) or (
        mode == "linear" and aligned in ("half_pixel", "pytorch_half_pixel")
    )
    whole = all(one == int(one) and one >= 1 for one in factors)
    if len(have) != 4 or factors[:2] != [1, 1] or factors[2] != factors[3] or not whole or not known:
        raise UnsupportedError(f"{mode}, {aligned}, factors {factors}: only whole factors of maps")
    factor = int(factors[2])
    axes = [*have[:2], *(simplify(Dim.of(size) * factor) for size in have[2:])]
    return op.emit(
        "Enlarge", {"x": x}, axes, factor=float(factor), mode="nearest" if mode == "nearest" else "bilinear"
    )


def _factor(size: Any, have: Size) -> float:
    wanted = size if isinstance(size, Dim) else int(size)
    for factor in range(1, 17):
        if same(wanted, simplify(Dim.of(have) * factor)):
            return float(factor)
    return 0.5
