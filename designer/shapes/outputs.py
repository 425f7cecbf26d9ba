"""What leaves a definition: the value of each output, compared with what the definition declares."""

from collections.abc import Callable, Mapping
from typing import Any

from designer.document import DesignPort
from designer.shapes.binding import Binding, MismatchError
from designer.shapes.frame import Frame
from designer.shapes.values import Stack, Tensor, Value, as_role, split_pattern

Report = Callable[..., None]


def collect_outputs(
    frame: Frame, scope: Mapping[str, Any], report: Report, require: Callable[..., None], symbolic: bool
) -> None:
    """Set `frame.outputs`; report outputs that come from nowhere or differ from their declaration."""
    name = frame.definition.name
    if not frame.definition.outputs:
        report(name, "", "S014", "the definition has no output; add one that takes the result of a node")
    for port in frame.definition.outputs:
        value = frame.value(port.source)
        frame.outputs[port.name] = None if value is None else as_role(value, port.role)
        if value is None and _is_nowhere(frame, port.source):
            message = f"output {port.name!r} comes from {port.source!r}, which does not exist"
            report(name, "", "S006", message, port=port.name)
        if value is None or symbolic:
            continue
        if isinstance(value, Stack) != port.stack:
            kinds = ("one tensor", "a stack of tensors")
            received, expected = kinds[isinstance(value, Stack)], kinds[port.stack]
            message = f"output {port.name!r} is declared as {expected}, received {received}"
            report(name, "", "S014", message, port=port.name, received=received, expected=expected)
        if not port.shape or port.stack or isinstance(value, Stack):
            continue
        try:
            _compare(port, value, Binding(_names(frame, scope), require))
        except MismatchError as error:
            texts = {"received": error.received, "expected": error.expected, "port": port.name}
            report(name, "", "S014", f"output {error.message}", **texts)


def _is_nowhere(frame: Frame, endpoint: str) -> bool:
    node, _, port = endpoint.partition(".")
    if not port:
        return node not in frame.inputs
    call = frame.calls.get(node)
    if call is None:
        return node not in frame.definition.nodes
    history = port.endswith("[]")
    return port.removesuffix("[]") not in call.outputs or (history and call.node.repeat is None)


def _names(frame: Frame, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters and the sizes that the inputs gave names to."""
    names: dict[str, Any] = {**scope, **frame.params}
    for port in frame.definition.inputs:
        given = frame.inputs.get(port.name)
        if isinstance(given, Tensor):
            pairs = zip(split_pattern(port.shape), given.shape, strict=False)
            names.update(
                {token: size for token, size in pairs if token.isidentifier() and names.get(token) is None}
            )
    return names


def _compare(port: DesignPort, value: Value, binding: Binding) -> None:
    binding.match(port.name, port.shape, value, frozenset())
    binding.match_expressions(port.name, port.shape, value)
