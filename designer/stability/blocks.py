"""What each kind of block does to second moments at initialisation.

A block that states its gain is taken at its word; the others follow from what they are: sums add, norms give one,
activations are integrated, products multiply, a mean over tokens keeps a share.
"""

import math
from collections.abc import Callable, Mapping

from designer import expressions
from designer.dims import UndecidedError
from designer.expressions import ExpressionError
from designer.shapes.frame import Iteration
from designer.shapes.values import Tensor, Value
from designer.spec import BlockSpec
from designer.stability.activations import FUNCTIONS, moment_after

# What a nearly uniform mean over tokens leaves of the values' second moment: the share that tokens have in common.
ATTENTION_KEEP, CROSS_KEEP = 0.2, 0.1
GATES = {"GEGLU": "GELU", "SwiGLU": "SiLU", "GLU": "Sigmoid"}
Moments = Mapping[str, float]
Rule = Callable[[BlockSpec, Iteration, Moments, Mapping[str, Value]], float]


def moments_of(
    spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]
) -> dict[str, float]:
    """Return the second moment of each output, given those of the inputs."""
    return {port.name: max(0.0, _moment(spec, port.name, iteration, inputs, shapes)) for port in spec.outputs}


def _moment(
    spec: BlockSpec, port: str, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]
) -> float:
    first = next(iter(inputs.values()), 1.0)
    if iteration.params.get("init") == "zero":
        return 0.0
    if spec.gate is not None and (not spec.gate.ports or port in spec.gate.ports):
        initial = _number(spec.gate.initial, iteration, first)
        if initial is not None and not {"gating"} & set(spec.tags):
            return initial**2
    gain = _gain(spec, iteration, first)
    if gain is not None:
        return gain * first + _bias(spec, iteration)
    if spec.name in FUNCTIONS:
        return moment_after(spec.name, first)
    for tag, rule in _BY_TAG.items():
        if tag in spec.tags:
            return rule(spec, iteration, inputs, shapes)
    return first


def _number(text: str, iteration: Iteration, q: float) -> float | None:
    try:
        value = expressions.evaluate(text, {**iteration.names, "q": q}) if text else None
    except (ExpressionError, UndecidedError):
        return None
    return float(value) if isinstance(value, (int, float)) else None


def _gain(spec: BlockSpec, iteration: Iteration, q: float) -> float | None:
    """The factor E[out²] / E[in²]: by the way the weights start where the call says so, else as the block states."""
    init = iteration.params.get("init", "default")
    fan_in, fan_out = _fans(spec, iteration)
    if init == "xavier_uniform" and fan_in and fan_out:
        return 2 * fan_in / (fan_in + fan_out)
    if isinstance(init, str) and init.startswith("normal_") and fan_in:
        return fan_in * float(init.removeprefix("normal_")) ** 2
    if not spec.stability.gain:
        return None
    if q <= 0:
        return 0.0
    return _number(spec.stability.gain, iteration, q)


def _fans(spec: BlockSpec, iteration: Iteration) -> tuple[int, int]:
    """How many numbers go into one output and come out of one input; a convolution without a size is 3 wide."""
    params = iteration.params
    size = params.get("kernel_size", 3 if "conv" in spec.tags else 1)
    area = size * size if isinstance(size, int) else 1
    for before, after in (
        ("in_features", "out_features"),
        ("in_channels", "out_channels"),
        ("channels", "channels"),
    ):
        fan_in, fan_out = params.get(before), params.get(after)
        if isinstance(fan_in, int) and isinstance(fan_out, int):
            return fan_in * area, fan_out * area
    return 0, 0


def _bias(spec: BlockSpec, iteration: Iteration) -> float:
    """The variance of a bias drawn as torch draws it, uniform in ±1/√fan_in; Xavier starts set it to 0."""
    init = str(iteration.params.get("init", "default"))
    plain = init.startswith("normal_") or (init == "default" and spec.stability.gain in ("1/3", "2/3"))
    if not plain or not {"linear", "conv"} & set(spec.tags) or iteration.params.get("bias") is False:
        return 0.0
    fan_in, _ = _fans(spec, iteration)
    return 1 / (3 * fan_in) if fan_in else 0.0


# -- kinds of operators -------------------------------------------------------------------------------------


def _sum(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    return sum(inputs.values())


def _product(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    return math.prod(inputs.values())


def _concat(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    """The mean over all features: each stream weighs by its width."""
    widths = {name: _width(spec, shapes.get(name)) for name in inputs}
    total = sum(widths.values())
    return sum(q * widths[name] for name, q in inputs.items()) / total if total else 1.0


def _width(spec: BlockSpec, value: Value | None) -> int:
    """How many features a stream has: on axis 1 of a map, on the last axis of tokens."""
    if not isinstance(value, Tensor) or len(value.shape) < 2:
        return 1
    size = value.shape[1] if len(value.shape) == 4 else value.shape[-1]
    return size if isinstance(size, int) else 1


def _modulated(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    """(1 + scale) ⊙ x + shift for independent scale and shift."""
    x, *rest = inputs.values()
    scale = inputs.get("scale", rest[-1] if rest else 0.0)
    shift = inputs.get("shift", rest[0] if rest else 0.0)
    return x * (1 + scale) + shift


def _attended(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    keep = CROSS_KEEP if "cross_attention" in spec.tags or _is_cross(shapes) else ATTENTION_KEEP
    return keep * inputs.get("v", next(iter(inputs.values()), 1.0))


def _is_cross(shapes: Mapping[str, Value]) -> bool:
    """Whether queries and keys come from sequences of different lengths."""
    q, k = shapes.get("q"), shapes.get("k")
    return isinstance(q, Tensor) and isinstance(k, Tensor) and q.shape[-2] != k.shape[-2]


def _gated(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    """value · act(gate), both projections of the input that start as torch starts them."""
    fan_in, _ = _fans(spec, iteration)
    q = (next(iter(inputs.values()), 1.0) + (1 / fan_in if fan_in else 0.0)) / 3
    return q * moment_after(GATES.get(spec.name, "Sigmoid"), q)


def _half(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    """Sines and cosines of anything: 1/2 on average."""
    return 0.5


def _one(spec: BlockSpec, iteration: Iteration, inputs: Moments, shapes: Mapping[str, Value]) -> float:
    return 1.0


_BY_TAG: dict[str, Rule] = {
    "norm": _one,
    "time_embedding": _half,
    "gated_ffn": _gated,
    "gating": _product,
    "modulation": _modulated,
    "attention": _attended,
    "concat": _concat,
    "normalized_add": _one,
    "add": _sum,
}
