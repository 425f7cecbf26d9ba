"""Rules: one file each, found by discovery.

A rule file is named by its code (`g014_double_zero.py`). It assigns `RULE`; unless the shape walk itself reports
it, it defines `check(context)`. `bad()` and `good()` return documents of designs that break and keep the rule; they are
its tests. A fix stands in the diagnostic, or is made by `fix(design, diagnostic)` for what the walk reports.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, Literal

from designer.diagnostics import Diagnostic, Fix, Severity
from designer.document import Design
from designer.rules.flow import Flow, flow_of
from designer.rules.residuals import Stack, stacks
from designer.shapes.certificate import Certificate
from designer.shapes.frame import Call, Frame
from designer.spec import BlockSpec
from designer.stability import Prediction, predict
from designer.stability.levels import levels_of


@dataclass(frozen=True)
class Rule:
    """What a rule says about itself; its documentation page and the catalogue are made from this.

    `effect` ranks advice: what ignoring it is expected to cost in normalised loss, as measured at smoke scale; 1.0 where
    the network did not train, 0.01 where algebra or literature alone speak, 0.005 where amplitudes or cost changed and
    the loss did not, 0 for a note: no effect was measured, so it is said on request alone.
    """

    code: str
    title: str
    severity: Severity
    family: Literal["structure", "gating", "advice", "export"]
    what: str
    why: str
    example: str
    instead: str
    effect: float = 1.0
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
    notes: bool = False  # whether rules without a measured effect speak too

    @cached_property
    def flow(self) -> Flow:
        """The design as one flat graph of block calls."""
        return flow_of(self.frame)

    @cached_property
    def stacks(self) -> tuple[Stack, ...]:
        """The repeated definitions that carry a stream through residual sums."""
        return tuple(stacks(self.frame))

    @cached_property
    def prediction(self) -> Prediction | None:
        """What values are like at initialisation; None where shapes are broken. Costs as much as the check: ask last."""
        return None if self.broken else predict(self.frame)

    @cached_property
    def extremes(self) -> tuple[Prediction, ...]:
        """The prediction at the design's least and most noise; none where shapes are broken."""
        least, *_, most = levels_of(self.design.training)
        return () if self.prediction is None else tuple(self.prediction.at(level) for level in (least, most))

    @cached_property
    def calls(self) -> tuple[tuple[str, Frame, Call], ...]:
        """("Definition/node", frame, call) for each active call, each definition seen once."""
        found: dict[str, tuple[str, Frame, Call]] = {}
        for frame in self.frame.walk():
            for name, call in frame.calls.items():
                place = f"{frame.definition.name}/{name}"
                if call.active and place not in found:
                    found[place] = place, frame, call
        return tuple(found.values())


_FILE = re.compile(r"[a-z]\d{3}_")
Check = Callable[[RuleContext], Iterable[Diagnostic]]


@lru_cache(maxsize=1)
def modules() -> tuple[ModuleType, ...]:
    """Return every rule file by code."""
    names = sorted(one.name for one in pkgutil.iter_modules(__path__) if _FILE.match(one.name))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)


def rules() -> tuple[Rule, ...]:
    """Return every rule by code."""
    return tuple(sorted((module.RULE for module in modules()), key=lambda rule: rule.code))


def run_rules(context: RuleContext) -> list[Diagnostic]:
    """Return what each rule finds, each problem of a place once."""
    asked = [module for module in modules() if context.notes or module.RULE.effect > 0]
    checks: list[Check] = [module.check for module in asked if hasattr(module, "check")]
    found = [diagnostic for check in checks for diagnostic in check(context)]
    return list({(one.code, one.node, one.port, one.message): one for one in reversed(found)}.values())[::-1]


def rank(diagnostic: Diagnostic) -> tuple[int, float]:
    """Return the sort key of a diagnostic: errors, warnings, infos; among them the largest expected effect first."""
    return ("error", "warning", "info").index(diagnostic.severity), -_effects().get(diagnostic.code, 1.0)


@lru_cache(maxsize=1)
def _effects() -> Mapping[str, float]:
    return {rule.code: rule.effect for rule in rules()}


def offer_fix(design: Design, diagnostic: Diagnostic) -> Diagnostic:
    """Return the diagnostic with the fix that its rule file offers, where it defines `fix(design, diagnostic)`."""
    make = _fixes().get(diagnostic.code) if diagnostic.fix is None else None
    return replace(diagnostic, fix=make(design, diagnostic)) if make else diagnostic


@lru_cache(maxsize=1)
def _fixes() -> Mapping[str, Callable[[Design, Diagnostic], Fix | None]]:
    return {module.RULE.code: module.fix for module in modules() if hasattr(module, "fix")}
