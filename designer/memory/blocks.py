"""Bytes of one run of a block: what its spec says at an operating point."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from designer.operating import OperatingPoint
from designer.shapes.frame import Call, Iteration
from designer.shapes.values import Tensor
from designer.spec import BlockSpec

INTEGERS = {"int64": 8, "bool": 1}
_TERM = re.compile(r"(?P<value>.*?)(?: if (?P<condition>(?:(?! else ).)*))?\Z")


@dataclass(frozen=True, slots=True)
class Bytes:
    """What a run of a block has: weights, ports whose values it keeps, what it keeps besides, work of its forward."""

    weights: int
    kept: tuple[str, ...]
    inside: int
    work: int


class Blocks:
    """Bytes of the runs of a design; equal runs are computed once."""

    def __init__(self, at: OperatingPoint, width: int) -> None:
        self.at, self.width = at, width
        self._seen: dict[tuple[int, frozenset[str]], Bytes] = {}

    def tensor(self, value: Tensor) -> int:
        """Return the bytes of a tensor."""
        return self.at.numel(value) * INTEGERS.get(value.dtype, self.width)

    def run(self, call: Call, spec: BlockSpec, iteration: Iteration, learning: frozenset[str]) -> Bytes:
        """Return the bytes of a run in which gradients reach the inputs `learning`."""
        key = id(iteration), learning
        if key not in self._seen:
            self._seen[key] = self._run(spec, self.at.names(call, iteration), learning)
        return self._seen[key]

    def _run(self, spec: BlockSpec, names: Mapping[str, object], learning: frozenset[str]) -> Bytes:
        ports = [port.name for port in (*spec.inputs, *spec.outputs)]
        holding = {**names, **{port: port in learning for port in ports}}
        kept: list[str] = []
        inside = counted = 0
        for value, condition in map(_term, spec.saved):
            holds = not condition or bool(self.at.number(condition, holding))
            if value in ports:
                kept += [value] if holds else []
            else:
                size = int(self.at.number(value, names) * self.width)
                inside += size if holds else 0
                counted += size
        weights = 0 if spec.frozen else int(self.at.number(spec.parameters, names)) * self.width
        work = int(self.at.number(spec.work, names)) * self.width if spec.work else counted
        return Bytes(weights, tuple(kept), inside, work)


@lru_cache(maxsize=1024)
def _term(text: str) -> tuple[str, str]:
    found = _TERM.match(text)
    assert found is not None
    return found["value"], found["condition"] or ""
