"""Parameters of the design that a definition reads without declaring them."""

from collections.abc import Collection, Iterable
from typing import Any

from designer import expressions
from designer.document import Definition, Design
from designer.expressions import ExpressionError
from designer.shapes.params import expression_text
from designer.spec import Param


def implicit_parameters(design: Design, definition: Definition) -> dict[str, Param]:
    """Return the design's parameters that the definition or what it calls reads, by name."""
    found: dict[str, Param] = {}
    _collect(design, definition, found, set())
    main = design.main_definition.parameters
    if definition.name == design.main:
        return {name: param for name, param in found.items() if name not in main}
    return found


def _collect(design: Design, definition: Definition, found: dict[str, Param], seen: set[str]) -> None:
    if definition.name in seen:
        return
    seen.add(definition.name)
    for name in sorted(_reads(definition) - definition.parameters.keys()):
        if name in design.parameters:
            found.setdefault(name, _declaration(design, name))
    for callee in design.callees(definition):
        _collect(design, design.definitions[callee], found, seen)


def _declaration(design: Design, name: str) -> Param:
    declared = design.main_definition.parameters.get(name)
    value = design.parameters[name]
    kind: Any = declared.type if declared else type(value).__name__
    return Param(name, kind, value, help=declared.help if declared else "")


def _reads(definition: Definition) -> set[str]:
    names: set[str] = set()
    bound = {size for port in definition.inputs for size in port.shape.split()}  # named by what arrives
    for text in evaluated_texts(definition, bound):
        try:
            names |= expressions.names(text)
        except ExpressionError:
            continue  # a plain string, or an error that the walk reports
    return names


def evaluated_texts(definition: Definition, bound: Collection[str] = ()) -> Iterable[str]:
    """Yield the texts of a definition that parameters give a value to, sizes of outputs that are `bound` left out."""
    for port in definition.outputs:
        yield from (size for size in port.shape.split() if size not in bound)
    for node in definition.nodes.values():
        if node.call.startswith("="):
            yield node.call[1:]
        yield from (expression_text(value) for value in node.params.values() if isinstance(value, str))
        if isinstance(node.repeat, str):
            yield node.repeat
        if node.when is not None:
            yield node.when
