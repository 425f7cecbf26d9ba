"""Pointwise functions of a Gaussian: E[f(x)²], E[f′(x)²] and what two correlated inputs still share behind f.

f(√q z) is written in Hermite polynomials, f(√q z) = Σ aₙ hₙ(z); then E[f(x) f(y)] = Σ aₙ² cⁿ for inputs of
correlation c (Poole et al. 2016, arXiv:1606.05340; Schoenholz et al. 2017, arXiv:1611.01232).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

_POINTS = 97
_REACH = 7.0  # standard deviations
_DEGREE = 10
_GRID = 25  # values of q are looked up at this many steps per factor e


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


@dataclass(frozen=True)
class Response:
    """What a function does to a Gaussian: E[f²], E[f′²], and the shares aₙ² of f, n aₙ² of f′ by degree."""

    moment: float
    slope: float
    terms: tuple[float, ...]

    def common(self, share: float) -> float:
        """The correlation of f at two inputs of correlation `share`."""
        return _series(self.terms, share, self.moment)

    def slope_common(self, share: float) -> float:
        """The correlation of f′ at two inputs of correlation `share`."""
        terms = tuple(degree * term for degree, term in enumerate(self.terms))[1:]
        return _series(terms, share, sum(terms))


def _series(terms: tuple[float, ...], share: float, total: float) -> float:
    if total <= 0:
        return share
    power, found = 1.0, 0.0
    for term in terms:
        found += term * power
        power *= share
    rest = max(0.0, total - sum(terms))  # of higher degree
    return min(1.0, (found + rest * power) / total)


def moment_after(name: str, q: float) -> float:
    """Return E[f(x)²] of the function of a block for Gaussian x of second moment q."""
    return response(name, q).moment


def response(name: str, q: float) -> Response:
    """Return what the function of a block does to a Gaussian of second moment q."""
    if q <= 0:
        return _at_zero(name)
    return _response(name, round(math.log(q) * _GRID))


@cache
def _at_zero(name: str) -> Response:
    function = FUNCTIONS[name]
    slope = (function(1e-4) - function(-1e-4)) / 2e-4
    return Response(function(0.0) ** 2, slope**2, (function(0.0) ** 2,))


@lru_cache(maxsize=1)
def _nodes() -> tuple[tuple[float, float, tuple[float, ...]], ...]:
    """Points z, their weights under the Gaussian, and the normalised Hermite polynomials at z."""
    points = [-_REACH + 2 * _REACH * index / (_POINTS - 1) for index in range(_POINTS)]
    total = sum(math.exp(-z * z / 2) for z in points)
    return tuple((z, math.exp(-z * z / 2) / total, _hermite(z)) for z in points)


def _hermite(z: float) -> tuple[float, ...]:
    found = [1.0, z]
    for n in range(1, _DEGREE):
        found.append((z * found[n] - math.sqrt(n) * found[n - 1]) / math.sqrt(n + 1))
    return tuple(found)


@lru_cache(maxsize=4096)
def _response(name: str, log_q: int) -> Response:
    function, scale = FUNCTIONS[name], math.exp(log_q / (2 * _GRID))
    small = 1e-3 * scale
    moment = slope = 0.0
    coefficients = [0.0] * (_DEGREE + 1)
    for z, weight, polynomials in _nodes():
        x = scale * z
        value = function(x)
        moment += weight * value * value
        slope += weight * ((function(x + small) - function(x - small)) / (2 * small)) ** 2
        for degree, polynomial in enumerate(polynomials):
            coefficients[degree] += weight * value * polynomial
    return Response(moment, slope, tuple(one * one for one in coefficients))
