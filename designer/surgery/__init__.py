"""Surgery: a part inserted into an edge of a design. Untouched nodes keep their names, so their weights keep their keys."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from designer.catalogue import catalogue
from designer.check import CheckReport, check
from designer.document import Definition, Design, to_json
from designer.errors import DesignError, UserError
from designer.operations import Operation, apply_operation, fresh
from designer.reader import read_design
from designer.shapes.values import Tensor
from designer.surgery.parts import PARTS, Json, Part

__all__ = ["PARTS", "Inserted", "insert"]


@dataclass(frozen=True)
class Inserted:
    """The design after surgery, and the full names of the nodes that are new."""

    design: Design
    nodes: tuple[str, ...]


def insert(design: Design, kind: str, at: str, params: Mapping[str, Any] | None = None) -> Inserted:
    """Return the design with a part of this kind at "Definition/node.port" (qk-norm: "Definition/node").

    An input port names the edge into it, an output port (or an input of the definition) all edges out of it.
    Raises UserError for an unknown kind or place, DesignError for a design with errors.
    """
    if kind not in PARTS:
        near = difflib.get_close_matches(kind, PARTS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(f"--insert: no part is named {kind!r}{hint}; there are {', '.join(PARTS)}")
    report = check(design)
    if not report.ok:
        first = next(one for one in report.diagnostics if one.severity == "error")
        raise DesignError(f"the design has errors; first: {first.node}: {first.message}")
    part, made = PARTS[kind], []
    for definition, end in _places(design, part, at):
        rank = _rank(report, definition, end)
        design, node = _insert(design, part, definition, end, rank, params or {})
        made.append(node)
    return Inserted(design, tuple(made))


def _places(design: Design, part: Part, at: str) -> Iterator[tuple[str, str]]:
    """The definition and the end ("node.port" or an input's name) of each insertion."""
    name, _, end = at.partition("/")
    definition = design.definitions.get(name)
    if definition is None:
        near = difflib.get_close_matches(name, design.definitions, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(design.definitions)}"
        raise UserError(f"--at {at}: no definition is named {name!r}{hint}")
    node = end.partition(".")[0]
    if part.ports:
        absent = [port for port in part.ports if f"{node}.{port}" not in definition.sources]
        if absent:
            having = [one for one in definition.nodes if f"{one}.{part.ports[0]}" in definition.sources]
            raise UserError(
                f"--at {at}: {part.kind} needs a node with the inputs {' and '.join(part.ports)}; "
                f"{name} has {', '.join(having) or 'none'}"
            )
        yield from ((name, f"{node}.{port}") for port in part.ports)
        return
    if end not in definition.sources and not _targets(definition, end):
        ends = [*definition.sources, *dict.fromkeys(definition.sources.values())]
        near = difflib.get_close_matches(end, ends, 3)
        raise UserError(
            f"--at {at}: nothing is connected at {end!r} of {name}; near it: {', '.join(near or ends[:6])}"
        )
    yield name, end


def _targets(definition: Definition, source: str) -> list[str]:
    """The ports and the outputs (as "=name") that a source feeds."""
    ports = [target for target, one in definition.sources.items() if one == source]
    return ports + [f"={port.name}" for port in definition.outputs if port.source == source]


def _rank(report: CheckReport, name: str, end: str) -> int:
    """The number of axes of what flows there."""
    assert report.frame is not None
    for frame in report.frame.walk():
        if frame.definition.name == name:
            value = frame.value(frame.definition.sources.get(end, end))
            if isinstance(value, Tensor):
                return len(value.shape)
            raise UserError(
                f"--at {name}/{end}: a stack of tensors flows there; choose an edge that carries one tensor"
            )
    raise UserError(f"--at {name}/{end}: the design does not use {name}")


def _insert(
    design: Design, part: Part, name: str, end: str, rank: int, params: Mapping[str, Any]
) -> tuple[Design, str]:
    called, body = part.build(rank)
    if body is not None:
        design, called = _defined(design, called, body)
    definition = design.definitions[name]
    wanted = f"{part.node}_{end.partition('.')[2]}" if part.ports else part.node
    node = fresh(definition, wanted)
    source = definition.sources.get(end, end)
    targets = [end] if end in definition.sources else _targets(definition, end)
    place = {"definition": name}
    output = "out" if body is None else "x"
    operations: list[Operation] = [
        {"op": "add", **place, "node": node, "call": called, "params": dict(params)},
        {"op": "connect", **place, "source": source, "target": f"{node}.x"},
    ]
    for target in targets:
        if target.startswith("="):
            operations.append({"op": "output", **place, "port": target[1:], "source": f"{node}.{output}"})
        else:
            operations.append({"op": "connect", **place, "source": f"{node}.{output}", "target": target})
    spec = catalogue().get(called)
    if spec is not None and "inference_only" in spec.tags:
        operations.append({"op": "training", "name": "sampling_only", "value": True})
    for operation in operations:
        design = apply_operation(design, operation)
    return design, f"{name}/{node}"


def _defined(design: Design, name: str, body: Json) -> tuple[Design, str]:
    """Return the design with the definition, under another name where that is taken by another one."""
    document, number, wanted = to_json(design), 2, name
    while name in document["definitions"] and document["definitions"][name] != _as_saved(design, name, body):
        name, number = f"{wanted}{number}", number + 1
    document["definitions"].setdefault(name, body)
    return replace(read_design(document), preset=design.preset), name


def _as_saved(design: Design, name: str, body: Json) -> Json:
    """The definition as a saved document would hold it."""
    document = {**to_json(design)}
    document["definitions"] = {**document["definitions"], name: body}
    saved: Json = to_json(read_design(document))["definitions"][name]
    return saved
