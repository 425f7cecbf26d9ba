"""Constants and sizes computed while an ONNX graph is read: lists of sizes by hand, numbers by onnx's reference."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from designer.dims import Dim, simplify
from designer.sources.graph.reshape import InexpressibleError, same

MAX_NUMBERS = 2**26


def compute(node: Any, name: str, attributes: Mapping[str, Any], inputs: list[Any]) -> Any:
    """Return the result of an operator on constants. Raises InexpressibleError."""
    if any(one is not None and one.dtype == object for one in inputs):
        if name not in _SYMBOLIC:
            raise InexpressibleError("it computes with sizes")
        try:
            return _tidy(_SYMBOLIC[name](attributes, *inputs))
        except TypeError:  # a place that is a size
            raise InexpressibleError("it computes with sizes") from None
    if name in ("ConstantOfShape", "Expand", "Tile") and int(np.prod(inputs[-1])) > MAX_NUMBERS:
        raise InexpressibleError("a constant that is too large")
    try:
        used = [one for one in node.input if one]
        ports = [
            onnx.helper.make_tensor_value_info(
                one, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for one, array in zip(node.input, inputs, strict=True)
            if array is not None
        ]
        ends = [onnx.helper.make_empty_tensor_value_info(one) for one in node.output]
        graph = onnx.helper.make_graph([node], "constant", ports, ends)
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
        found = ReferenceEvaluator(model).run(
            None, {one: array for one, array in zip(node.input, inputs, strict=True) if one in used}
        )
    except Exception as error:  # whatever the reference lacks or refuses
        raise InexpressibleError(f"its constant has no value ({' '.join(str(error).split())[:80]})") from None
    return [np.asarray(one) for one in found]


def _tidy(array: Any) -> Any:
    """Whole numbers where every size is known."""
    array = np.asarray(array, dtype=object)
    flat = [simplify(one) if isinstance(one, Dim) else one for one in array.reshape(-1)]
    if all(isinstance(one, (int, np.integer)) for one in flat):
        return np.array(flat, dtype=np.int64).reshape(array.shape)
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(array.shape)


def _axes(attributes: Mapping[str, Any], given: Any) -> list[int]:
    return [
        int(one) for one in (attributes["axes"] if "axes" in attributes else np.asarray(given).reshape(-1))
    ]


def _unsqueeze(attributes: Mapping[str, Any], x: Any, axes: Any = None) -> Any:
    return np.expand_dims(x, tuple(_axes(attributes, axes)))


def _squeeze(attributes: Mapping[str, Any], x: Any, axes: Any = None) -> Any:
    return np.squeeze(x, tuple(_axes(attributes, axes)) if axes is not None or "axes" in attributes else None)


def _slice(
    attributes: Mapping[str, Any], x: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None
) -> Any:
    index: list[Any] = [slice(None)] * x.ndim
    for number, start in enumerate(starts):
        axis = int(axes[number]) if axes is not None else number
        index[axis] = slice(int(start), int(ends[number]), int(steps[number]) if steps is not None else None)
    return x[tuple(index)]


def _divide(_: Mapping[str, Any], a: Any, b: Any) -> Any:
    return a // b


def _where(_: Mapping[str, Any], condition: Any, a: Any, b: Any) -> Any:
    return np.where(condition.astype(bool), a, b)


def _equal(_: Mapping[str, Any], a: Any, b: Any) -> Any:
    pairs = np.broadcast(np.asarray(a, dtype=object), np.asarray(b, dtype=object))
    return np.array([same(left, right) for left, right in pairs]).reshape(pairs.shape)


_SYMBOLIC: Mapping[str, Callable[..., Any]] = {
    "Gather": lambda attributes, x, index: np.take(
        x, np.asarray(index, dtype=np.int64), attributes.get("axis", 0)
    ),
    "Concat": lambda attributes, *parts: np.concatenate(parts, attributes["axis"]),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Cast": lambda _, x: x,
    "Identity": lambda _, x: x,
    "Add": lambda _, a, b: a + b,
    "Sub": lambda _, a, b: a - b,
    "Mul": lambda _, a, b: a * b,
    "Div": _divide,
    "Equal": _equal,
    "Where": _where,
    "Reshape": lambda _, x, shape: x.reshape([int(one) for one in shape]),
    "ReduceProd": lambda attributes, x, *rest: np.prod(x, keepdims=bool(attributes.get("keepdims", 1))),
    "ConstantOfShape": lambda attributes, shape: np.full(
        [1] * len(shape), attributes.get("value", np.zeros(1)).item()
    ),
}
