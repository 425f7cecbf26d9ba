"""From a checked design to a plan: which classes, constructed how, called in which order.

Every decision is taken here; the templates print. Definitions become classes, callers are planned before
callees to learn which parameters are constants, callees before callers to learn which arguments remain.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from designer.catalogue import catalogue
from designer.check import check
from designer.document import Definition, Design, Parameter
from designer.errors import UserError
from designer.plan.builder import ClassBuilder
from designer.plan.model import Plan
from designer.plan.sources import block_sources
from designer.shapes.elaborate import Elaborator
from designer.shapes.frame import Call, Frame
from designer.shapes.implicit import implicit_parameters
from designer.spec import BlockSpec

__all__ = ["make_plan"]


def make_plan(design: Design, class_names: Mapping[str, str] | None = None) -> Plan:
    """Return the plan of a design. Raises UserError when the design has errors."""
    report = check(design)
    if not report.ok or report.frame is None:
        errors = [one for one in report.diagnostics if one.severity == "error"]
        raise UserError(
            f"the design has {len(errors)} error(s); first: {errors[0].node}: {errors[0].message}"
        )
    sites: dict[str, list[Frame]] = {}
    for frame in live_frames(report.frame):
        known = sites.setdefault(frame.definition.name, [])
        if not any(frame is one for one in known):
            known.append(frame)
    used = [one for one in design.reachable() if one.name in sites]
    implicit = {one.name: implicit_parameters(design, one) for one in used}
    builders: dict[str, ClassBuilder] = {}
    folded: dict[str, dict[str, Any]] = {design.main: _main_constants(design)}
    for definition in reversed(used):  # callers first: they say which parameters are constants
        builder = ClassBuilder(
            design, definition, sites[definition.name], implicit, folded.get(definition.name, {})
        )
        builder.symbolic = _symbolic_frame(design, definition, builder)
        builder.resolve()
        builders[definition.name] = builder
        _collect_constants(design, builders, used, folded)
    for definition in used:  # callees first: they say which arguments remain
        builders[definition.name].finish(builders)
    targets = _targets(report.frame)
    main = design.main_definition
    return Plan(
        title=design.name,
        doc=[main.doc] if main.doc else [],
        design_hash=design.hash(),
        sources=block_sources(targets),
        classes=[builders[definition.name].plan for definition in used],
        main=builders[design.main].plan.name,
    )


def _main_constants(design: Design) -> dict[str, Any]:
    """Switches and names of the main definition are decided by the design; sizes stay arguments."""
    found = {}
    for name, parameter in design.main_definition.parameters.items():
        if parameter.type in ("bool", "str"):
            found[name] = design.parameters.get(name, parameter.default)
    return found


def _symbolic_frame(design: Design, definition: Definition, builder: ClassBuilder) -> Frame:
    elaborator = Elaborator(design, catalogue(), symbolic=True)
    symbols = builder.symbols()
    elaborator.globals = {
        **design.parameters,
        **{name: symbols[name] for name in builder.implicit if name in symbols},
    }
    values = {name: symbols[name] for name in definition.parameters}
    frame = elaborator.definition(definition, values, elaborator.free_inputs(definition, values))
    assert frame is not None, definition.name
    return frame


def _collect_constants(
    design: Design,
    builders: Mapping[str, ClassBuilder],
    used: list[Definition],
    folded: dict[str, dict[str, Any]],
) -> None:
    """Find parameters that every call so far gives as one constant (see ClassBuilder.constant)."""
    for definition in used:
        if definition.name in builders or definition.name == design.main:
            continue
        given: dict[str, list[str]] = {}
        for builder in builders.values():
            for site in builder.sites.values():
                if site.call.target is definition and site.call.active:
                    for name, text in site.texts.items():
                        given.setdefault(name, []).append(text)
        folded[definition.name] = {
            name: constant
            for name, texts in given.items()
            if (constant := _constant(definition.parameters.get(name), texts)) is not None
        }


def _constant(parameter: Parameter | None, texts: list[str]) -> Any:
    """The one constant in `texts` where it is a switch, a name, or the declared default; else None."""
    import ast

    if parameter is None or len(set(texts)) != 1:
        return None
    try:
        value = ast.literal_eval(texts[0])
    except (ValueError, SyntaxError):
        return None
    return value if parameter.type in ("bool", "str") or value == parameter.default else None


def live_frames(frame: Frame) -> Iterator[Frame]:
    """Yield the frame and, once each, those below it through calls that lead to an output."""
    seen: set[int] = set()
    todo = [frame]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for name in one.definition.order:
            if name in one.definition.useful and name in one.calls:
                todo.extend(it.frame for it in one.calls[name].iterations if it.frame is not None)


def _targets(main: Frame) -> dict[str, str]:
    """Blocks that run and whose code is copied: block name → class or function."""
    found: dict[str, str] = {}

    def note(call: Call) -> None:
        if call.active and isinstance(call.target, BlockSpec) and call.target.kind in ("module", "function"):
            found[call.target.name] = call.target.target

    for frame in live_frames(main):
        for name in frame.definition.useful & frame.calls.keys():
            note(frame.calls[name])
    return dict(sorted(found.items()))
