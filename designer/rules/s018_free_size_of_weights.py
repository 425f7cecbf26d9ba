"""S018: weights of a size that is left free."""

from collections.abc import Iterator

from designer.diagnostics import Diagnostic
from designer.dims import Dim
from designer.kept import kept
from designer.rules import Rule, RuleContext, examples
from designer.shapes.frame import Call, Frame
from designer.spec import BlockSpec

RULE = Rule(
    code="S018",
    title="Weights of a free size",
    severity="error",
    family="structure",
    what="A layer takes the size of its weights from an axis that the design leaves free.",
    why="The weights exist before any input does: their sizes have to be numbers.",
    example="A linear layer on an input declared as B D, without a value for D.",
    instead="Declare the axis as a number, or as a parameter of the design with a value.",
    article="2.1",
)


def check(context: RuleContext) -> Iterator[Diagnostic]:
    """Report, once for each node, a constructor's argument that holds a symbol."""
    reported: set[str] = set()
    for frame in context.frame.walk():
        for name, param, value in _found(frame):
            place = f"{frame.definition.name}/{name}"
            if place not in reported:
                reported.add(place)
                yield _diagnostic(place, frame, name, param, value)


@kept
def _found(frame: Frame) -> list[tuple[str, str, Dim]]:
    """Each node whose value is used with the first of its constructor's arguments that has a free size."""
    used = ((name, _free(call)) for name, call in frame.calls.items() if name in frame.live)
    return [(name, *found) for name, found in used if found is not None]


def _free(call: Call) -> tuple[str, Dim] | None:
    """Return the first constructor's argument with a free size."""
    if not isinstance(call.target, BlockSpec):
        return None
    for param in call.target.params:
        for iteration in call.iterations if not param.structural else ():
            value = iteration.params.get(param.name)
            if isinstance(value, Dim):
                return param.name, value
    return None


def _diagnostic(place: str, frame: Frame, node: str, param: str, value: Dim) -> Diagnostic:
    names = ", ".join(sorted(value.symbols))
    message = (
        f"{param} of {node} would be {value}, and {names} is left free by the input: give the axis a number, "
        f"or make {names} a parameter with a value"
    )
    return Diagnostic(
        RULE.code, RULE.severity, message, place, received=str(value), expected="an integer", port=param
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _conditioned("B D")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _conditioned("B 24")


def _conditioned(shape: str) -> examples.Document:
    middle = {"project": {"call": "Linear", "params": {"out_features": 16}}, "more": {"call": "AddEmbedding"}}
    edges = [("features", "project.x"), ("h.out", "more.x"), ("project.out", "more.embedding")]
    features = {"name": "features", "role": "vector", "shape": shape}
    return examples.convolutional(middle, edges, "more.out", inputs=(examples.IMAGE, examples.TIME, features))
