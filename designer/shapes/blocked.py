"""What is wrong by itself with calls that the walk did not reach, since an error elsewhere blocks them.

Shapes are not known there; names, numbers that are written out, and inputs without an edge are.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from designer.document import Definition, Design, Node
from designer.shapes import params as parameters
from designer.shapes.arrivals import report_unconnected
from designer.shapes.calls import unknown_call
from designer.shapes.frame import Call, Frame

if TYPE_CHECKING:
    from designer.shapes.elaborate import Elaborator


def report_blocked(walk: "Elaborator", frame: Frame | None) -> None:
    """Report problems of every call that has neither been evaluated nor found wrong."""
    frames = list(frame.walk()) if frame is not None else []
    done = {
        f"{one.definition.name}/{name}"
        for one in frames
        for name, call in one.calls.items()
        if call.iterations or not call.active
    }
    done |= {diagnostic.node for diagnostic in walk.diagnostics.values()}
    for definition, path in _paths(walk.design):
        for node in definition.nodes.values():
            if f"{definition.name}/{node.id}" not in done and not node.call.startswith("="):
                with walk.at((*path, node.id) if path or definition is walk.design.main_definition else ()):
                    _report(walk, definition, node)


def _report(walk: "Elaborator", definition: Definition, node: Node) -> None:
    target = walk.design.definitions.get(node.call) or walk.blocks.get(node.call)
    if target is None:
        message = unknown_call(walk, node.call)
        walk.report(definition.name, node.id, "S002", message, received=node.call)
        return
    call, sources = Call(node, target), definition.sources
    for port in target.inputs:
        if f"{node.id}.{port.name}" not in sources and not port.optional:
            report_unconnected(definition.name, call, port, walk.report)
    declared = parameters.declarations(target)
    written = {
        name: value
        for name, value in node.params.items()
        if name not in declared or not parameters.is_expression(declared[name], value)
    }

    def report(code: str, message: str, **texts: Any) -> None:
        walk.report(definition.name, node.id, code, message, **texts)

    parameters.resolve(replace(node, params=written), declared, {}, report, None)


def _paths(design: Design) -> Iterator[tuple[Definition, tuple[str, ...]]]:
    """Yield each definition that the main one uses, with a short path of calls that leads there; () through a socket."""
    seen = {design.main}
    paths: list[tuple[Definition, tuple[str, ...]]] = [(design.main_definition, ())]
    for definition, path in paths:
        yield definition, path
        calls = {node.call: name for name, node in reversed(list(definition.nodes.items()))}
        for callee in design.callees(definition):
            if callee in design.definitions and callee not in seen:
                seen.add(callee)
                paths.append((design.definitions[callee], (*path, calls[callee]) if callee in calls else ()))
