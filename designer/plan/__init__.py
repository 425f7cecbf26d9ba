"""From a checked design to a plan: which classes, constructed how, called in which order.

Every decision is taken here; the templates print. Definitions become classes, callers are planned before
callees to learn which parameters are constants, callees before callers to learn which arguments remain.
"""

import ast
from collections.abc import Mapping
from functools import partial
from typing import Any

from designer.catalogue import catalogue
from designer.check import check
from designer.document import Design, Parameter
from designer.errors import DesignError, UserError
from designer.plan.bound import bound_sizes
from designer.plan.builder import ClassBuilder
from designer.plan.model import Plan
from designer.plan.sources import block_sources
from designer.plan.state import state_shapes
from designer.plan.texts import InexpressibleError, plain
from designer.plan.variants import Splits, Variant, find_variants, live_frames
from designer.shapes.elaborate import Elaborator
from designer.shapes.frame import STATIC, Frame
from designer.shapes.implicit import implicit_parameters
from designer.spec import BlockSpec

__all__ = ["make_plan"]

MAX_SPLITS = 64


def make_plan(design: Design) -> Plan:
    """Return the plan of a design. Raises DesignError when the design has errors."""
    report = check(design)
    if not report.ok or report.frame is None:
        errors = [one for one in report.diagnostics if one.severity == "error"]
        first = f"{errors[0].node}: {errors[0].message}"
        raise DesignError(f"the design has {len(errors)} error(s); first: {first}")
    splits: Splits = {}
    for _ in range(MAX_SPLITS):
        try:
            return _plan(design, report.frame, splits)
        except InexpressibleError as error:  # give the definition a class for each of its differing calls
            splits.setdefault(error.definition, set()).add((error.node, error.parameter))
    raise UserError("the design's definitions differ between calls in too many ways; add parameters to them")


def _plan(design: Design, frame: Frame, splits: Splits) -> Plan:
    sources = block_sources(_targets(frame))
    variants, by_frame = find_variants(design, frame, splits, {one.name for one in sources})
    implicit = {one.name: implicit_parameters(design, one) for one in design.definitions.values()}
    builders: dict[str, ClassBuilder] = {}
    for variant in reversed(variants):  # callers first: they say which parameters are constants
        constants = {**variant.static, **_constants(design, variant, builders, by_frame)}
        builder = ClassBuilder(design, variant, implicit, constants)
        builder.symbolic = _symbolic_frame(design, builder)
        builder.resolve(by_frame)
        builders[variant.name] = builder
    for variant in variants:  # callees first: they say which arguments remain
        builders[variant.name].finish(builders)
    main = design.main_definition
    return Plan(
        title=plain(design.name),
        doc=[plain(main.doc)] if main.doc else [],
        design_hash=design.hash(),
        sources=sources,
        classes=[builders[variant.name].plan for variant in variants],
        main=by_frame[id(frame)].name,
        state=partial(state_shapes, frame, builders, by_frame),
    )


def _symbolic_frame(design: Design, builder: ClassBuilder) -> Frame:
    elaborator = Elaborator(design, catalogue(), symbolic=True)
    symbols = builder.symbols()
    implicit = {name: symbols[name] for name in builder.implicit if name in symbols}
    definition = builder.definition
    values = {name: symbols[name] for name in definition.parameters}
    own = values if definition.name == design.main else {}  # what callees read of the design stays a symbol
    named = bound_sizes(definition)  # by an input, whatever the design calls so
    read = {name: value for name, value in design.parameters.items() if name not in named}
    elaborator.globals = {**read, **implicit, **own}
    inputs = elaborator.free_inputs(definition, values)
    for port in definition.inputs:
        if port.optional and port.name not in builder.inputs:
            del inputs[port.name]
    frame = elaborator.definition(definition, values, inputs)
    assert frame is not None, definition.name
    return frame


def _constants(
    design: Design, variant: Variant, builders: Mapping[str, ClassBuilder], by_frame: Mapping[int, Variant]
) -> dict[str, Any]:
    """Parameters that every call gives as one constant: switches, and values left at their default.

    Switches of the main definition are decided by the design; its sizes stay arguments.
    """
    if variant.definition.name == design.main:
        values = {
            name: design.parameters.get(name, one.default)
            for name, one in variant.definition.parameters.items()
        }
        return {
            name: values[name]
            for name, one in variant.definition.parameters.items()
            if one.type in ("bool", *STATIC)
        }
    given: dict[str, set[str]] = {}
    for builder in builders.values():
        for site in builder.sites.values():
            if variant in site.variants:
                for name, text in site.texts.items():
                    given.setdefault(name, set()).add(text)
    declared = variant.definition.parameters
    found = {name: _constant(declared.get(name), texts) for name, texts in given.items()}
    return {name: value for name, value in found.items() if value is not None}


def _constant(parameter: Parameter | None, texts: set[str]) -> Any:
    if parameter is None or len(texts) != 1:
        return None
    try:
        value = ast.literal_eval(next(iter(texts)))
    except (ValueError, SyntaxError):
        return None
    return value if parameter.type == "bool" or value == parameter.default else None


def _targets(main: Frame) -> dict[str, str]:
    """Blocks that run and whose code is copied: block name → class or function."""
    found: dict[str, str] = {}
    for frame in live_frames(main):
        for name in frame.live & frame.calls.keys():
            call = frame.calls[name]
            if (
                call.active
                and isinstance(call.target, BlockSpec)
                and call.target.kind in ("module", "function")
            ):
                found[call.target.name] = call.target.target
    return dict(sorted(found.items()))
