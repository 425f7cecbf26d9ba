"""S009: shape mismatch."""

import re
from collections.abc import Mapping
from typing import Any

from designer import expressions
from designer.catalogue import catalogue
from designer.diagnostics import Diagnostic, Fix
from designer.dims import UndecidedError
from designer.document import Definition, Design
from designer.expressions import ExpressionError
from designer.operations import insertion
from designer.rules import Rule, examples
from designer.rules.joints import see_stream

RULE = Rule(
    code="S009",
    title="Shape mismatch",
    severity="error",
    family="structure",
    what="The shape that arrives is not the shape that the node takes.",
    why="PyTorch would fail here, at run time.",
    example="Add of [B, 128, H, W] and [B, 64, H, W].",
    instead="Insert a 1×1 convolution on one side, or set the channels equal.",
    article="5.3, 6, 7",
)


WIDTHS = ("out_channels", "out_features")


def fix(design: Design, diagnostic: Diagnostic) -> Fix | None:
    """Set the number that is wrong where it is written, let a gate see the stream that it weighs, or project features.

    Numbers are looked for at the node itself, then where the value is made; features of maps and tokens are projected.
    """
    found = re.search(r": (\d+) where (?:(.+) = )?(\d+) is expected", diagnostic.message)
    name, _, node = diagnostic.node.partition("/")
    definition, target = design.definitions.get(name), f"{node}.{diagnostic.port}"
    if found is None or definition is None or target not in definition.sources:
        return None
    received, expression, expected = int(found[1]), found[2] or "", int(found[3])
    return (
        _own(definition, node, expression, received)
        or see_stream(definition, node, diagnostic.port)
        or _maker(definition, target, received, expected)
        or _project(definition, target, diagnostic.received.split(), received, expected)
    )


def _own(definition: Definition, node: str, expression: str, received: int) -> Fix | None:
    """A parameter of the node that the expected size is computed from: unset where it is inferred, else solved for."""
    given = definition.nodes[node].params
    spec = catalogue().get(definition.nodes[node].call)
    named = [one for one in re.findall(r"[a-z_]+", expression) if isinstance(given.get(one), int)]
    for name in named if spec else ():
        param = spec.param(name) if spec else None
        if param and param.inferred:
            return Fix(
                f"Let {name} follow from the input",
                ({**_at(definition, node), "op": "set", "param": name, "value": None},),
            )
        for value in range(1, 65):
            if _value(expression, {**given, name: value}) == received:
                return Fix(
                    f"Set {name} to {value}",
                    ({**_at(definition, node), "op": "set", "param": name, "value": value},),
                )
    return None


def _value(expression: str, names: Mapping[str, Any]) -> Any:
    try:
        return expressions.evaluate(expression, names)
    except (ExpressionError, UndecidedError):
        return None


def _at(definition: Definition, node: str) -> dict[str, str]:
    return {"definition": definition.name, "node": node}


def _maker(definition: Definition, target: str, received: int, expected: int) -> Fix | None:
    """The number that arrives, where the call that makes the value states it: heads, a hidden size; widths are projected."""
    source = definition.sources[target].partition(".")[0]
    params = definition.nodes[source].params if source in definition.nodes else {}
    numbers = {name: value for name, value in params.items() if type(value) is int and name not in WIDTHS}
    name = next((name for name, value in numbers.items() if value == received), None)
    if name is None:
        return None
    operation = {**_at(definition, source), "op": "set", "param": name, "value": expected}
    return Fix(f"Set {name} of {source} to {expected}", (operation,))


def _project(
    definition: Definition, target: str, shape: list[str], received: int, expected: int
) -> Fix | None:
    """A 1×1 convolution on the channels of a map, a linear layer on the features of tokens or a vector."""
    calls = {
        (4, 1): ("Conv2d", "out_channels", {"kernel_size": 1, "padding": 0}),
        (3, 2): ("Linear", "out_features", {}),
        (2, 1): ("Linear", "out_features", {}),
    }
    axis = 1 if len(shape) == 4 else len(shape) - 1
    found = calls.get((len(shape), axis))
    if found is None or shape[axis] != str(received):
        return None
    call, width, fixed = found
    operations = insertion(definition, target, call, "proj", ("x", "out"), **{width: expected, **fixed})
    node, _, port = target.partition(".")
    return Fix(f"Project {port} of {node} from {received} to {expected} features", operations)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _skip(8)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _skip(16)


def _skip(channels: int) -> examples.Document:
    return examples.convolutional(
        {"conv": {"call": "Conv2d", "params": {"out_channels": channels}}, "add": {"call": "Add"}},
        [("h.out", "conv.x"), ("h.out", "add.a"), ("conv.out", "add.b")],
        "add.out",
    )
