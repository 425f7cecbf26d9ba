"""Second moments behind pointwise functions of a Gaussian: E[f(x)²] for x ~ N(0, q), by quadrature."""

import math
from collections.abc import Callable
from functools import lru_cache

_POINTS = 161
_REACH = 7.0  # standard deviations


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -60 else 0.0


def _softplus(x: float) -> float:
    return x if x > 30 else math.log1p(math.exp(x))


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "SiLU": lambda x: x * _sigmoid(x),
    "MPSiLU": lambda x: x * _sigmoid(x) / 0.596,
    "GELU": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "QuickGELU": lambda x: x * _sigmoid(1.702 * x),
    "ReLU": lambda x: max(x, 0.0),
    "Mish": lambda x: x * math.tanh(_softplus(x)),
    "Sigmoid": _sigmoid,
    "Tanh": math.tanh,
    "Softplus": _softplus,
    "Sine": math.sin,
    "Cosine": math.cos,
    "Erf": math.erf,
    "Absolute": abs,
    "SigmoidBound": _sigmoid,
    "DoubleSigmoidBound": lambda x: 2 * _sigmoid(x),
    "TanhBound": math.tanh,
    "SoftplusBound": _softplus,
    "AroundOneBound": lambda x: 1 + 0.5 * math.tanh(x),
}


def moment_after(name: str, q: float) -> float:
    """Return E[f(x)²] of the function of a block for Gaussian x of second moment q."""
    return _moment(name, round(math.log(q), 2)) if q > 0 else FUNCTIONS[name](0.0) ** 2


@lru_cache(maxsize=4096)
def _moment(name: str, log_q: float) -> float:
    function, scale = FUNCTIONS[name], math.exp(log_q / 2)
    step = 2 * _REACH / (_POINTS - 1)
    total = weight = 0.0
    for index in range(_POINTS):
        z = -_REACH + index * step
        density = math.exp(-z * z / 2)
        total += density * function(scale * z) ** 2
        weight += density
    return total / weight
