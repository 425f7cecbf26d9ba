"""S018: weights of a size that is left free."""

from collections.abc import Iterator

from designer.diagnostics import Diagnostic
from designer.dims import Dim
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
    example="A convolution on an input declared as B C H W, without a value for C.",
    instead="Declare the axis as a number, or as a parameter of the design with a value.",
    article="2.1",
)


def check(context: RuleContext) -> Iterator[Diagnostic]:
    """Report, once for each node, a constructor's argument that holds a symbol."""
    reported: set[str] = set()
    for frame in context.frame.walk():
        for name in frame.calls.keys() & frame.live:
            place = f"{frame.definition.name}/{name}"
            found = _free(frame.calls[name])
            if found is not None and place not in reported:
                reported.add(place)
                yield _diagnostic(place, frame, name, *found)


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
    return _of("B C H W")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _of("B 3 H W")


def _of(shape: str) -> examples.Document:
    image = {**examples.IMAGE, "shape": "B 3 H W"}
    document = examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
    document["definitions"]["Net"]["inputs"][0] = {**image, "shape": shape}
    return document
