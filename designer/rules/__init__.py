"""Rules: one file each, found by discovery.

A rule file assigns `RULE` and, unless the shape walk itself reports it, defines `check(context)`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from designer.diagnostics import Diagnostic, Severity
from designer.document import Design
from designer.shapes.certificate import Certificate
from designer.shapes.frame import Call, Frame
from designer.spec import BlockSpec


@dataclass(frozen=True)
class Rule:
    """What a rule says about itself; its documentation page and the catalogue are made from this."""

    code: str
    title: str
    severity: Severity
    family: Literal["structure", "gating", "advice", "export"]
    what: str
    why: str
    example: str
    instead: str
    article: str = ""
    reference: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the catalogue entry as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class RuleContext:
    """What a rule may look at. `broken` says that shapes could not be found everywhere."""

    design: Design
    blocks: Mapping[str, BlockSpec]
    frame: Frame
    certificate: Certificate | None
    broken: bool

    def calls(self) -> Iterator[tuple[str, Frame, Call]]:
        """Yield ("Definition/node", frame, call) for each active call, each definition seen once."""
        seen: set[str] = set()
        for _, frame in self.frame.walk():
            for name, call in frame.calls.items():
                place = f"{frame.definition.name}/{name}"
                if call.active and place not in seen:
                    seen.add(place)
                    yield place, frame, call


Check = Callable[[RuleContext], Iterable[Diagnostic]]


@lru_cache(maxsize=1)
def _registry() -> tuple[tuple[Rule, Check | None], ...]:
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found = [(module.RULE, getattr(module, "check", None)) for module in modules]
    return tuple(sorted(found, key=lambda pair: pair[0].code))


def rules() -> tuple[Rule, ...]:
    """Return every rule by code."""
    return tuple(rule for rule, _ in _registry())


def run_rules(context: RuleContext) -> list[Diagnostic]:
    """Return what each rule finds."""
    return [diagnostic for _, check in _registry() if check is not None for diagnostic in check(context)]
