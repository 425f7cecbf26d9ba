"""Symbolic sizes: polynomials with integer coefficients over symbols (B, H, hidden_size) and floor divisions.

`Dim` keeps a canonical form, so that equal sizes compare equal: 2·(C + C) is 4·C, ⌊⌊H/2⌋/2⌋ is ⌊H/4⌋.
A comparison whose answer depends on the symbols raises `UndecidedError` rather than guessing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Union

Atom = Union[str, "FloorDiv"]
Monomial = tuple[tuple[Atom, int], ...]
Size = Union[int, "Dim"]


class UndecidedError(Exception):
    """A question about symbolic sizes has no single answer."""


@dataclass(frozen=True)
class FloorDiv:
    """⌊numerator / denominator⌋, kept where it does not divide exactly."""

    numerator: "Dim"
    denominator: "Dim"

    @cached_property
    def text(self) -> str:
        """How the division is written."""
        return f"{_wrapped(self.numerator)} // {_wrapped(self.denominator)}"

    def __str__(self) -> str:
        return self.text

    @cached_property
    def _hash(self) -> int:
        return hash((self.numerator, self.denominator))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class Dim:
    """A polynomial: monomials in canonical order, each with its nonzero integer coefficient."""

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def symbol(name: str) -> "Dim":
        """Return the size named `name`."""
        return Dim(((((name, 1),), 1),))

    @staticmethod
    def of(value: "Size") -> "Dim":
        """Return `value` as a Dim."""
        if isinstance(value, Dim):
            return value
        return Dim((((), int(value)),) if value else ())

    @cached_property
    def constant(self) -> int | None:
        """The value when no symbol is left, else None."""
        if not self.terms:
            return 0
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The names that occur anywhere in the size."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom, _ in monomial:
                if isinstance(atom, FloorDiv):
                    found |= atom.numerator.symbols | atom.denominator.symbols
                else:
                    found.add(atom)
        return frozenset(found)

    @cached_property
    def falling(self) -> bool:
        """Whether something is taken away."""
        return any(coefficient < 0 for _, coefficient in self.terms)

    @cached_property
    def curved(self) -> bool:
        """Whether sizes are multiplied with each other or divided by one another."""
        return any(
            sum(power for _, power in monomial) > 1
            or any(isinstance(atom, FloorDiv) and atom.denominator.constant is None for atom, _ in monomial)
            for monomial, _ in self.terms
        )

    @cached_property
    def positive(self) -> bool:
        """Whether the form alone says that it is at least 1 where every symbol is: sums of products, no division."""
        return all(
            coefficient > 0 and not any(isinstance(atom, FloorDiv) for atom, _ in monomial)
            for monomial, coefficient in self.terms
        )

    def __add__(self, other: Size) -> "Dim":
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return _collect((*self.terms, *Dim.of(other).terms))

    __radd__ = __add__

    def __neg__(self) -> "Dim":
        return Dim(tuple((monomial, -coefficient) for monomial, coefficient in self.terms))

    def __sub__(self, other: Size) -> "Dim":
        return self + (-Dim.of(other))

    def __rsub__(self, other: Size) -> "Dim":
        return Dim.of(other) - self

    def __mul__(self, other: Size) -> "Dim":
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        right = Dim.of(other).terms
        return _collect(tuple((_times(a, b), p * q) for a, p in self.terms for b, q in right))

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> "Dim":
        if not isinstance(exponent, int) or not 0 <= exponent <= 8:
            raise ArithmeticError("a symbolic size can be raised to a power of 0 to 8 only")
        result = Dim.of(1)
        for _ in range(exponent):
            result = result * self
        return result

    def __floordiv__(self, other: Size) -> Size:
        return floor_divide(self, Dim.of(other))

    def __rfloordiv__(self, other: Size) -> Size:
        return floor_divide(Dim.of(other), self)

    def __truediv__(self, other: Size) -> Size:
        return self._exact(other)

    def __mod__(self, other: Size) -> "Dim":
        return self - Dim.of(other) * floor_divide(self, Dim.of(other))

    def _exact(self, other: Size) -> Size:
        quotient = _exact_quotient(self, Dim.of(other))
        if quotient is None:
            raise ArithmeticError(f"{self} / {other} need not be whole; use //")
        return quotient

    def _sign(self, other: object) -> int:
        if not isinstance(other, (int, float, Dim)):
            raise UndecidedError(f"{self} cannot be compared with {other!r}")
        difference = (self - other if isinstance(other, (int, Dim)) else Dim.of(0)).constant
        if isinstance(other, float) and self.constant is not None:
            return (self.constant > other) - (self.constant < other)
        if difference is None or isinstance(other, float):
            raise UndecidedError(f"whether {self} exceeds {other} depends on the sizes")
        return (difference > 0) - (difference < 0)

    def __lt__(self, other: object) -> bool:
        return self._sign(other) < 0

    def __le__(self, other: object) -> bool:
        return self._sign(other) <= 0

    def __gt__(self, other: object) -> bool:
        return self._sign(other) > 0

    def __ge__(self, other: object) -> bool:
        return self._sign(other) >= 0

    def __bool__(self) -> bool:
        if self.constant is None:
            raise UndecidedError(f"whether {self} is zero depends on the sizes")
        return self.constant != 0

    def evaluate(self, values: Mapping[str, int]) -> int:
        """Return the value with each symbol replaced. Raises KeyError for a symbol without value."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom, power in monomial:
                if isinstance(atom, FloorDiv):
                    base = atom.numerator.evaluate(values) // atom.denominator.evaluate(values)
                else:
                    base = values[atom]
                product *= base**power
            total += product
        return total

    @cached_property
    def _hash(self) -> int:
        return hash(self.terms)

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self.text

    @cached_property
    def text(self) -> str:
        """How the size is written, in the grammar of `designer.expressions`."""
        parts: list[str] = []
        for monomial, coefficient in self.terms:
            factors = [
                _power_text(atom, power, bool(parts) or len(monomial) > 1 or coefficient != 1)
                for atom, power in monomial
            ]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+"
            parts.append(f" {sign} " if parts else ("-" if coefficient < 0 else ""))
            parts.append(" * ".join(factors))
        return "".join(parts) or "0"


def _power_text(atom: Atom, power: int, grouped: bool) -> str:
    text = str(atom)
    divided = isinstance(atom, FloorDiv) and (grouped or power > 1)
    spaced = isinstance(atom, str) and " " in atom and not atom.endswith("]")
    if divided or spaced:
        text = f"({text})"
    return text if power == 1 else f"{text} ** {power}"


def _wrapped(size: Dim) -> str:
    text = str(size)
    return text if len(size.terms) <= 1 and " " not in text else f"({text})"


@lru_cache(maxsize=8192)
def _order(monomial: Monomial) -> tuple[int, str]:
    # Constants last, as people write them.
    return (0 if monomial else 1, " ".join(f"{atom}^{power}" for atom, power in monomial))


def _collect(terms: tuple[tuple[Monomial, int], ...]) -> Dim:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = [(monomial, coefficient) for monomial, coefficient in total.items() if coefficient]
    if len(kept) == 1:
        return Dim((kept[0],))
    return Dim(tuple(sorted(kept, key=lambda term: _order(term[0]))))


def _times(left: Monomial, right: Monomial) -> Monomial:
    if not left or not right:
        return left or right
    powers: dict[Atom, int] = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: str(item[0])))


def _exact_quotient(numerator: Dim, denominator: Dim) -> Size | None:
    """Return numerator / denominator where a single-term denominator divides every term, else None."""
    if len(denominator.terms) != 1:
        return 1 if numerator == denominator else None
    (divisor, scale), result = denominator.terms[0], []
    for monomial, coefficient in numerator.terms:
        powers = dict(monomial)
        for atom, power in divisor:
            powers[atom] = powers.get(atom, 0) - power
        if coefficient % scale or any(power < 0 for power in powers.values()):
            return None
        result.append((tuple((atom, power) for atom, power in powers.items() if power), coefficient // scale))
    return simplify(_collect(tuple(result)))


def simplify(size: Size) -> Size:
    """Return a plain int when nothing symbolic is left."""
    if isinstance(size, Dim) and size.constant is not None:
        return size.constant
    return size


@lru_cache(maxsize=8192)
def floor_divide(numerator: Dim, denominator: Dim) -> Size:
    """Return ⌊numerator / denominator⌋ in canonical form. Raises ZeroDivisionError for a zero denominator."""
    if denominator.constant == 0:
        raise ZeroDivisionError("division by zero")
    exact = _exact_quotient(numerator, denominator)
    if exact is not None:
        return exact
    divisor = denominator.constant
    if divisor is None:
        return Dim(((((FloorDiv(numerator, denominator), 1),), 1),))
    if divisor < 0:
        return floor_divide(-numerator, Dim.of(-divisor))
    whole = Dim(
        tuple(
            (monomial, coefficient // divisor)
            for monomial, coefficient in numerator.terms
            if coefficient // divisor
        )
    )
    rest = _collect(tuple((monomial, coefficient % divisor) for monomial, coefficient in numerator.terms))
    if rest.constant is not None:
        return simplify(whole + rest.constant // divisor)
    return simplify(whole + _floor_of_rest(rest, divisor))


def _floor_of_rest(rest: Dim, divisor: int) -> Dim:
    """⌊rest/divisor⌋ for reduced coefficients; nested floors ⌊(⌊p/m⌋ + c)/n⌋ become ⌊(p + c·m)/(m·n)⌋."""
    symbolic = [term for term in rest.terms if term[0]]
    constant = sum(coefficient for monomial, coefficient in rest.terms if not monomial)
    if len(symbolic) == 1 and symbolic[0][1] == 1 and len(symbolic[0][0]) == 1:
        atom, power = symbolic[0][0][0]
        if isinstance(atom, FloorDiv) and power == 1 and atom.denominator.constant:
            inner = atom.denominator.constant
            return Dim.of(floor_divide(atom.numerator + constant * inner, Dim.of(inner * divisor)))
    return Dim(((((FloorDiv(rest, Dim.of(divisor)), 1),), 1),))
