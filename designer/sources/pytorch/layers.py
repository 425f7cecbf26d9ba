"""Which block each layer of PyTorch becomes: operators that hold weights."""

from typing import Any

import torch

from designer.dims import Dim, simplify
from designer.sources.graph.reshape import same
from designer.sources.pytorch.table import handles
from designer.sources.pytorch.tracer import Operator, State, Tracer, UnsupportedError


def _held(tracer: Tracer, **weights: Any) -> dict[str, str]:
    """The weights of a layer, which must be parameters or buffers of the module."""
    for name, one in weights.items():
        if one is not None and not isinstance(one, State):
            raise UnsupportedError(f"its {name} is computed")
    return tracer.hold(**weights)


def _square(numbers: Any, what: str) -> int:
    listed = [numbers] if isinstance(numbers, int) else list(numbers)
    if len(set(listed)) != 1:
        raise UnsupportedError(f"{what} {listed}: only equal numbers")
    return int(listed[0])


@handles("linear.default")
def _linear(tracer: Tracer, op: Operator) -> Any:
    if not isinstance(op.weight, State) or not (op.bias is None or isinstance(op.bias, State)):
        return _computed_linear(op)
    weights = _held(tracer, weight=op.weight, bias=op.bias)
    bias: dict[str, Any] = {} if op.bias is not None else {"bias": False}
    return op.emit("Linear", {"x": op.input}, weights=weights, out_features=op.weight.tensor.shape[0], **bias)


def _computed_linear(op: Operator) -> Any:
    axes = op.have(op.weight)
    turned = op.emit("Transpose", {"x": op.weight}, [axes[1], axes[0]], first=0, second=1)
    product = op.emit("MatMul", {"a": op.input, "b": turned})
    return product if op.bias is None else op.emit("BroadcastAdd", {"a": product, "b": op.bias})


@handles("addmm.default")
def _addmm(tracer: Tracer, op: Operator) -> Any:
    product = op.emit("MatMul", {"a": op.mat1, "b": op.mat2})
    return op.emit("BroadcastAdd", {"a": product, "b": op.self})


@handles("conv1d.default", "conv2d.default", "conv3d.default", "conv2d.padding", "conv1d.padding")
def _convolution(tracer: Tracer, op: Operator) -> Any:
    weights = _held(tracer, weight=op.weight, bias=op.bias)
    shape = op.weight.tensor.shape
    rank = len(shape) - 2
    if _is_temporal(op, shape):
        return op.emit(
            "TemporalConv", {"x": op.input}, weights=weights, out_channels=shape[0], kernel_size=shape[2]
        )
    if rank == 3 and len(set(shape[2:])) > 1:
        return _box(op, shape, weights)
    kernel = _square(shape[2:], "kernel")
    padding, dilation = op.padding, _square(op.dilation, "dilation")
    if isinstance(padding, str):
        if padding == "same" and kernel % 2 == 0:
            raise UnsupportedError("padding that differs between the ends")
        padding = dilation * (kernel - 1) // 2 if padding == "same" else 0
    params: dict[str, Any] = {
        "out_channels": shape[0], "kernel_size": kernel, "stride": _square(op.stride, "stride"),
        "padding": _square(padding, "padding"),
    }  # fmt: skip
    if op.bias is None:
        params["bias"] = False
    block = f"Conv{rank}d"
    if op.groups != 1 or dilation != 1:
        if rank != 2:
            raise UnsupportedError("groups or dilation in a convolution that is not of two dimensions")
        block, params = "GroupedConv2d", {**params, "groups": op.groups, "dilation": dilation}
    return op.emit(block, {"x": op.input}, weights=weights, **params)


def _box(op: Operator, shape: Any, weights: dict[str, str]) -> Any:
    """A convolution of video whose filter is no cube."""
    if op.groups != 1 or set(op.dilation) != {1} or isinstance(op.padding, str):
        raise UnsupportedError(f"kernel {list(shape[2:])} with groups, dilation or a named padding")
    params: dict[str, Any] = {
        "out_channels": shape[0], "kernel_size": list(shape[2:]), "stride": list(op.stride), "padding": list(op.padding),
    }  # fmt: skip
    if op.bias is None:
        params["bias"] = False
    return op.emit("BoxConv3d", {"x": op.input}, weights=weights, **params)


def _is_temporal(op: Operator, shape: Any) -> bool:
    """Whether a convolution joins each pixel with its neighbours in time, as many frames going out as come in."""
    if len(shape) != 5 or shape[2] == 1 or tuple(shape[3:]) != (1, 1) or op.bias is None:
        return False
    numbers = (op.stride, op.padding, op.dilation)
    wanted = ((1, 1, 1), (shape[2] // 2, 0, 0), (1, 1, 1))
    return shape[2] % 2 == 1 and op.groups == 1 and tuple(map(tuple, numbers)) == wanted


@handles("conv_transpose2d.input")
def _transposed(tracer: Tracer, op: Operator) -> Any:
    weights = _held(tracer, weight=op.weight, bias=op.bias)
    if op.groups != 1 or _square(op.dilation, "dilation") != 1 or any(op.output_padding):
        raise UnsupportedError("only without groups, dilation and output padding")
    shape = op.weight.tensor.shape
    if op.bias is None:  # the block has one
        zeros = State(f"{op.weight.name}.no_bias", torch.zeros(shape[1]), False)
        weights |= tracer.hold(bias=zeros)
    return op.emit(
        "ConvTranspose2d", {"x": op.input}, weights=weights, out_channels=shape[1], kernel_size=_square(shape[2:], "kernel"),
        stride=_square(op.stride, "stride"), padding=_square(op.padding, "padding"),
    )  # fmt: skip


@handles("layer_norm.default")
def _layer_norm(tracer: Tracer, op: Operator) -> Any:
    if len(op.normalized_shape) != 1 or (op.weight is None and op.bias is not None):
        raise UnsupportedError("only over the last axis, no bias without a weight")
    weights = _held(tracer, weight=op.weight, bias=op.bias)
    params: dict[str, Any] = {"eps": op.eps, "elementwise_affine": op.weight is not None}
    if op.weight is not None and op.bias is None:
        params["bias"] = False
    return op.emit("LayerNorm", {"x": op.input}, weights=weights, **params)


@handles("rms_norm.default")
def _rms_norm(tracer: Tracer, op: Operator) -> Any:
    if len(op.normalized_shape) != 1 or op.eps is None:
        raise UnsupportedError("only over the last axis, with a given eps")
    weights = _held(tracer, weight=op.weight)
    return op.emit(
        "RMSNorm", {"x": op.input}, weights=weights, eps=op.eps, elementwise_affine=op.weight is not None
    )


@handles("group_norm.default")
def _group_norm(tracer: Tracer, op: Operator) -> Any:
    weights = _held(tracer, weight=op.weight, bias=op.bias)
    affine: dict[str, Any] = {} if op.weight is not None else {"affine": False}
    return op.emit(
        "GroupNorm", {"x": op.input}, weights=weights, num_groups=op.num_groups, eps=op.eps, **affine
    )


@handles("instance_norm.default")
def _instance_norm(tracer: Tracer, op: Operator) -> Any:
    if op.running_mean is not None:
        raise UnsupportedError("running statistics")
    channels = simplify(op.have(op.input)[1])
    weights = _held(tracer, weight=op.weight, bias=op.bias)
    affine: dict[str, Any] = {} if op.weight is not None else {"affine": False}
    return op.emit("GroupNorm", {"x": op.input}, weights=weights, num_groups=channels, eps=op.eps, **affine)


@handles("batch_norm.default", "_native_batch_norm_legit_no_training.default")
def _batch_norm(tracer: Tracer, op: Operator) -> Any:
    if len(op.axes) != 4 or op.weight is None or op.running_mean is None:
        raise UnsupportedError("only of maps, with weights and running statistics")
    weights = _held(
        tracer, weight=op.weight, bias=op.bias, running_mean=op.running_mean, running_var=op.running_var
    )
    return op.emit("FixedBatchNorm", {"x": op.input}, weights=weights, eps=op.eps)


@handles("embedding.default")
def _embedding(tracer: Tracer, op: Operator) -> Any:
    weights = _held(tracer, weight=op.weight)
    rows, columns = op.weight.tensor.shape
    return op.emit(
        "Embedding", {"index": op.indices}, weights=weights, num_embeddings=rows, embedding_dim=columns
    )


@handles("avg_pool2d.default", "max_pool2d.default")
def _pool(tracer: Tracer, op: Operator) -> Any:
    given = op.arguments()
    if given.get("divisor_override") or any(one != 1 for one in given.get("dilation") or [1]):
        raise UnsupportedError("dilation or another divisor")
    block = "WindowMean" if "avg" in op.name else "WindowMax"
    kernel = _square(op.kernel_size, "kernel")
    stride, padding = _square(op.stride or kernel, "stride"), _square(op.padding, "padding")
    floor = [(Dim.of(size) + (2 * padding - kernel)) // stride + 1 for size in op.have(op.self)[-2:]]
    if not all(map(same, floor, op.axes[-2:])):
        raise UnsupportedError("ceil_mode that makes a difference")
    return op.emit(block, {"x": op.self}, kernel_size=kernel, stride=stride, padding=padding)


@handles("adaptive_avg_pool2d.default")
def _adaptive(tracer: Tracer, op: Operator) -> Any:
    if list(op.output_size) != [1, 1]:
        raise UnsupportedError(f"output size {list(op.output_size)}: only 1")
    return op.emit("Mean", {"x": op.self}, dims=[2, 3], keepdim=True)


@handles(
    "upsample_nearest2d.vec",
    "upsample_nearest2d.default",
    "upsample_bilinear2d.vec",
    "upsample_bilinear2d.default",
)
def _enlarge(tracer: Tracer, op: Operator) -> Any:
    given = op.arguments()
    if given.get("align_corners"):
        raise UnsupportedError("align_corners")
    x = given.get("input", given.get("self"))
    (factor,) = {_ratio(out, have) for out, have in zip(op.axes[2:], op.have(x)[2:], strict=True)}
    mode = "nearest" if "nearest" in op.name else "bilinear"
    return op.emit("Enlarge", {"x": x}, factor=float(factor), mode=mode)


def _ratio(out: Any, have: Any) -> int:
    try:
        ratio = simplify(Dim.of(out)._exact(have))
    except ArithmeticError:
        raise UnsupportedError(f"{have} to {out}: only whole factors") from None
    if not isinstance(ratio, int):
        raise UnsupportedError(f"{have} to {out}: only whole factors")
    return ratio
