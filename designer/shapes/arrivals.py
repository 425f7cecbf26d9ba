"""What arrives at the inputs of a call: values, and what is said where nothing does."""

from collections.abc import Callable, Iterator

from designer.document import DesignPort
from designer.shapes.frame import Call, Frame
from designer.shapes.values import ROLE_GROUPS, Tensor, Value, compatible
from designer.spec import Port

Report = Callable[..., None]
# Maps, tokens and vectors hold no whole numbers unless a port says so.
FLOATING = frozenset[str]().union(*ROLE_GROUPS[:3])


def arriving(frame: Frame, call: Call, report: Report) -> dict[str, Value] | None:
    """Return what arrives at each port, or None when an input is missing or blocked by an earlier error."""
    owner, node = frame.definition.name, call.node.id
    blocked, wires = False, frame.definition.wires.get(node, {})
    for port in call.target.inputs:
        endpoint = wires.get(port.name)
        if endpoint is None or frame.left_out(endpoint):
            if endpoint is None and not port.optional:
                report_unconnected(owner, call, port, report)
            elif not port.optional:
                frame.unmet.append((node, port.name))  # an error only where the node's value is used
            blocked = blocked or not port.optional
            continue
        value = frame.value(endpoint)
        if value is None:
            if frame.lacks(endpoint):
                frame.unmet.append((node, port.name))
            blocked = True
            continue
        for received, expected in _unlike(value, port):
            message = f"input {port.name!r} takes {expected}, received {received} from {endpoint}"
            report(owner, node, "S008", message, port=port.name, received=received, expected=expected)
            blocked = True
        call.inputs[port.name] = value
    return None if blocked else dict(call.inputs)


def report_unconnected(owner: str, call: Call, port: Port | DesignPort, report: Report) -> None:
    """Report a required input without an edge."""
    wanted = f"{port.role} {port.shape}".strip()
    message = f"input {port.name!r} is not connected{_needed(call)}"
    report(owner, call.node.id, "S001", message, port=port.name, expected=wanted)


def _unlike(value: Value, port: Port | DesignPort) -> Iterator[tuple[str, str]]:
    """Yield what was received and what is expected where role or dtype do not fit."""
    if not compatible(value.role, port.role):
        yield value.role, port.role
    elif isinstance(value, Tensor):
        wanted = port.dtype or ("float32" if port.role in FLOATING else value.dtype)
        if value.dtype != wanted:
            yield value.dtype, wanted


def report_unmet(frame: Frame, node: str, port: str, report: Report) -> None:
    """Report an input of a node whose value is used and at which nothing can arrive here."""
    owner, endpoint = frame.definition.name, frame.definition.sources[f"{node}.{port}"]
    name, _, output = endpoint.partition(".")
    source = frame.calls.get(name)
    if source is not None and frame.lacks(endpoint):
        message = f"{source.target.name}, which fills the socket {name!r}, has no output {output!r}"
        report(owner, node, "S006", message, port=port, received=endpoint, expected=", ".join(source.outputs))
        return
    what = f"input {port!r} takes {endpoint!r}, an optional input that is not connected where this is called"
    report(owner, node, "S001", f"{what}{_needed(frame.calls[node])}", port=port)


def _needed(call: Call) -> str:
    socket = call.node.call.startswith("=")
    return f"; {call.target.name}, which fills the socket, needs it" if socket else ""
