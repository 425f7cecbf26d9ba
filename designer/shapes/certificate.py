"""Requirements on symbolic sizes, solved: "valid for B ≥ 1; H, W ≡ 0 (mod 8)", or a counter-example.

A requirement over one symbol is built from sums and floor divisions by integers, so it is periodic in that
symbol; one period (the least common multiple of its divisors) decides it for all sizes.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from designer.diagnostics import Diagnostic
from designer.dims import Dim, FloorDiv, Size
from designer.shapes.binding import Requirement

MAX_PERIOD = 4096
MAX_SIZE = 1 << 16


@dataclass(frozen=True)
class Axis:
    """The sizes one symbol may take: multiples of `modulus` (plus `residues`) from `low` to `high`."""

    name: str
    modulus: int
    residues: tuple[int, ...]
    low: int
    high: int | None
    causes: tuple[Requirement, ...] = ()

    def admits(self, size: int) -> bool:
        """Whether the size is allowed."""
        return (
            size >= self.low
            and (self.high is None or size <= self.high)
            and size % self.modulus in self.residues
        )

    def first(self, count: int) -> list[int]:
        """Return the smallest allowed sizes."""
        found: list[int] = []
        size = max(self.low, 1)
        while len(found) < count and (self.high is None or size <= self.high) and size < MAX_SIZE:
            if self.admits(size):
                found.append(size)
            size += 1
        return found

    def text(self) -> str:
        """Return the condition without the name: "≡ 0 (mod 8), ≤ 32"."""
        parts = []
        if self.modulus > 1:
            parts.append(f"≡ {' or '.join(map(str, self.residues))} (mod {self.modulus})")
        if self.low == self.high:
            return f"= {self.low}"
        if self.low > self.modulus or self.modulus == 1:
            parts.append(f"≥ {self.low}")
        if self.high is not None:
            parts.append(f"≤ {self.high}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Certificate:
    """For which sizes the design is valid; `relations` are requirements over several symbols."""

    axes: tuple[Axis, ...]
    relations: tuple[Requirement, ...] = ()

    def __str__(self) -> str:
        groups: dict[str, list[str]] = {}
        for axis in self.axes:
            groups.setdefault(axis.text(), []).append(axis.name)
        parts = [f"{', '.join(names)} {text}" for text, names in groups.items()]
        parts += [
            f"{one.left} {'=' if one.relation == '==' else one.relation} {one.right}"
            for one in self.relations
        ]
        return "valid for " + "; ".join(parts) if parts else "valid"

    def axis(self, name: str) -> Axis | None:
        """Return the axis named `name`, or None."""
        return next((axis for axis in self.axes if axis.name == name), None)


def certify(
    requirements: Iterable[Requirement], symbols: Iterable[str]
) -> tuple[Certificate | None, list[Diagnostic]]:
    """Solve the requirements for each symbol. Without a solution the diagnostics say where and why."""
    single: dict[str, list[Requirement]] = {name: [] for name in symbols}
    relations: list[Requirement] = []
    problems: list[Diagnostic] = []
    for requirement in requirements:
        names = sorted(Dim.of(requirement.left).symbols | Dim.of(requirement.right).symbols)
        if len(names) == 1 and names[0] in single:
            single[names[0]].append(requirement)
        else:
            relations.append(requirement)
    axes: list[Axis] = []
    for name, group in single.items():
        axis, culprit = _solve(name, tuple(group))
        if axis is None:
            problems.append(_unsatisfiable(name, culprit))
        else:
            axes.append(axis)
    smallest = {axis.name: axis.low for axis in axes}
    problems += [_never(smallest, one) for one in relations if _is_never(smallest, one)]
    return (None, problems) if problems else (Certificate(tuple(axes), tuple(relations)), [])


def _is_never(smallest: Mapping[str, int], relation: Requirement) -> bool:
    """Whether two sides differ by what only grows with the sizes and is not 0 at the smallest of them."""
    difference = Dim.of(relation.left) - relation.right
    signs = {coefficient > 0 for _, coefficient in difference.terms}
    known = relation.relation == "==" and difference.symbols <= smallest.keys() and len(signs) == 1
    return known and difference.evaluate(smallest) != 0


def _never(smallest: Mapping[str, int], relation: Requirement) -> Diagnostic:
    names = sorted(Dim.of(relation.left).symbols | Dim.of(relation.right).symbols)
    left, right = (Dim.of(side).evaluate(smallest) for side in (relation.left, relation.right))
    where = ", ".join(f"{name} = {smallest[name]}" for name in names)
    message = f"no sizes fit: {relation.reason}; for {where} that is {left} against {right}"
    return Diagnostic("S016", "error", message, relation.node, received=str(left), expected=str(right))


@lru_cache(maxsize=1024)
def _solve(name: str, group: tuple[Requirement, ...]) -> tuple[Axis | None, Requirement]:
    """Intersect the residues and ranges that each requirement allows; on failure name the culprit."""
    modulus, residues, low, high = 1, {0}, 1, None
    causes: list[Requirement] = []
    for requirement in group:
        if requirement.relation == "<=" or _is_fixed(requirement) or _is_curved(requirement):
            bounds = _smallest(name, requirement) if _is_curved(requirement) else _bounds(name, requirement)
            if bounds is None:
                return None, requirement
            low, high = max(low, bounds[0]), bounds[1] if high is None else min(high, bounds[1] or high)
            causes.append(requirement)
            continue
        period = min(_period(requirement), MAX_PERIOD)
        # Sizes beyond two periods decide: a solution that holds only for small sizes is none.
        allowed = {size % period for size in range(2 * period, 3 * period) if requirement.holds({name: size})}
        common = math.lcm(modulus, period)
        both = {r for r in range(common) if r % modulus in residues and r % period in allowed}
        if not both or common > MAX_PERIOD * 4:
            return None, requirement
        if both != set(range(common)) or modulus > 1:
            causes.append(requirement)
        modulus, residues = _reduced(common, both)
    low = next(size for size in range(low, low + modulus) if size % modulus in residues)
    if high is not None:
        high = next(size for size in range(high, high - modulus, -1) if size % modulus in residues)
    if high is not None and high < low:
        return None, causes[-1]
    return Axis(name, modulus, tuple(sorted(residues)), low, high, tuple(causes)), group[
        -1
    ] if group else _NOTHING


_NOTHING = Requirement(0, "==", 0, "", "")


def _reduced(modulus: int, residues: set[int]) -> tuple[int, set[int]]:
    """Return the smallest modulus that describes the same sizes."""
    for divisor in sorted(d for d in range(1, modulus + 1) if modulus % d == 0):
        classes = {residue % divisor for residue in residues}
        if len(classes) * (modulus // divisor) == len(residues):
            return divisor, classes
    return modulus, residues


def _period(requirement: Requirement) -> int:
    period = Dim.of(requirement.right).constant or 1 if requirement.relation == "%" else 1
    for side in (requirement.left, requirement.right):
        period = math.lcm(period, _divisors(side))
    return period


def _divisors(size: Size) -> int:
    """Least common multiple of all divisors in floor divisions, nested ones multiplied."""
    total = 1
    for monomial, _ in Dim.of(size).terms:
        for atom, _ in monomial:
            if isinstance(atom, FloorDiv):
                total = math.lcm(total, (atom.denominator.constant or 1) * _divisors(atom.numerator))
    return total


def _is_fixed(requirement: Requirement) -> bool:
    """Whether a size must equal a number, as the tokens of a learned table of positions."""
    sides = (Dim.of(requirement.left).constant, Dim.of(requirement.right).constant)
    return requirement.relation == "==" and sides != (None, None)


def _is_curved(requirement: Requirement) -> bool:
    """Whether a size must equal a product of itself: only single sizes solve that, and no period shows them."""
    return requirement.relation == "==" and (Dim.of(requirement.left) - requirement.right).curved


def _smallest(name: str, requirement: Requirement) -> tuple[int, int] | None:
    """The smallest size at which a curved equation holds, as a range; None where none does."""
    found = next((size for size in range(1, MAX_PERIOD) if requirement.holds({name: size})), None)
    return None if found is None else (found, found)


def _bounds(name: str, requirement: Requirement) -> tuple[int, int | None] | None:
    """The range on which left <= right, or equal where one is a number, both monotone in the symbol; or None."""
    left, right = requirement.left, requirement.right
    if requirement.relation == "==":
        both = [
            _bounds(name, replace(requirement, left=a, right=b, relation="<="))
            for a, b in ((left, right), (right, left))
        ]
        if both[0] is None or both[1] is None:
            return None
        highs = [high for _, high in (both[0], both[1]) if high is not None]
        low, high = max(both[0][0], both[1][0]), min(highs) if highs else None
        return None if high is not None and high < low else (low, high)
    rising = requirement.holds({name: MAX_SIZE})  # then it is a lower bound
    low, high = 0, MAX_SIZE  # the answer changes between these
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if requirement.holds({name: middle}) is rising else (middle, high)
    if rising:
        return high, None
    return (1, low) if low else None


def _unsatisfiable(name: str, culprit: Requirement) -> Diagnostic:
    values = {name: 64}
    left, right = Dim.of(culprit.left).evaluate(values), Dim.of(culprit.right).evaluate(values)
    message = f"no size {name} fits: {culprit.reason}; for {name} = 64 that is {left} against {right}"
    return Diagnostic("S016", "error", message, culprit.node, received=str(left), expected=str(right))
