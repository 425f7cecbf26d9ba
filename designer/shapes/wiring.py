"""What can be said of the edges alone: ends that exist, ports connected once, nodes that matter."""

import difflib
from collections.abc import Iterable, Mapping

from designer.diagnostics import Diagnostic
from designer.document import Definition, Design
from designer.kept import kept
from designer.spec import BlockSpec

Targets = Mapping[str, Definition | BlockSpec | None]  # what each name is that a node calls


def check_wiring(design: Design, blocks: Mapping[str, BlockSpec]) -> list[Diagnostic]:
    """Return wiring problems of every definition that the main one uses."""
    found: list[Diagnostic] = []
    for definition in design.reachable():
        names = _called(definition)
        targets = {name: design.definitions.get(name) or blocks.get(name) for name in names}
        found.extend(_problems(definition, targets))
    return found


@kept
def _calls(definition: Definition) -> Mapping[str, str]:
    """What each node calls: a socket what fills it unless a call says otherwise."""
    calls = {name: node.call for name, node in definition.nodes.items()}
    for name, called in calls.items():
        if called.startswith("=") and called[1:] in definition.parameters:
            calls[name] = str(definition.parameters[called[1:]].default)
    return calls


@kept
def _called(definition: Definition) -> frozenset[str]:
    return frozenset(_calls(definition).values())


@kept
def _last(definition: Definition) -> list[tuple[Targets, tuple[Diagnostic, ...]]]:
    """What was found when the definition was looked at last, and beside which targets."""
    return []


def _problems(definition: Definition, targets: Targets) -> tuple[Diagnostic, ...]:
    """Return the problems of one definition; asked again beside the same targets, the same."""
    for before, found in _last(definition):
        if all(before[name] is target for name, target in targets.items()):
            return found
    found = (*_edges(definition, targets), *_unreached(definition), *_instances(definition))
    _last(definition)[:] = [(targets, found)]
    return found


def _edges(definition: Definition, targets: Targets) -> Iterable[Diagnostic]:
    inputs = {port.name for port in definition.inputs}
    taken: dict[str, str] = {}
    for source, target in definition.edges:
        for end, is_source in ((source, True), (target, False)):
            problem = _end(definition, targets, inputs, end, is_source)
            if problem:
                yield problem
        if target in taken:
            node, _, port = target.partition(".")
            message = f"input {port!r} is connected twice, from {taken[target]} and from {source}; keep one"
            yield Diagnostic(
                "S007",
                "error",
                message,
                f"{definition.name}/{node}",
                port,
                received=source,
                expected="one edge",
            )
        taken[target] = source


def _end(
    definition: Definition, targets: Targets, inputs: set[str], end: str, is_source: bool
) -> Diagnostic | None:
    name, _, port = end.partition(".")
    port = port.removesuffix("[]")
    if not port:
        if is_source and name in inputs:
            return None
        kind = "an input of the definition" if is_source else 'a port "node.port"'
        return _dangling(definition, definition.name, end, f"{end!r} is not {kind}", sorted(inputs))
    node = definition.nodes.get(name)
    if node is None:
        return _dangling(
            definition, definition.name, end, f"no node is named {name!r}", list(definition.nodes)
        )
    if node.call.startswith("=") and not is_source:
        return None  # a socket offers more than each of its fillings takes
    called = _calls(definition)[name]
    target = targets[called]
    if target is None:
        return None  # reported as an unknown call, or known only where the socket is filled
    ports = [one.name for one in (target.outputs if is_source else target.inputs)]
    if end.endswith("[]") and not (is_source and node.repeat is not None):
        message = f"{end!r} is the history of a repeat, which only an output of a repeated node has"
        return _dangling(definition, f"{definition.name}/{name}", end, message, ports)
    if port in ports:
        return None
    kind = "output" if is_source else "input"
    return _dangling(definition, f"{definition.name}/{name}", end, f"{called} has no {kind} {port!r}", ports)


def _dangling(definition: Definition, place: str, end: str, message: str, available: list[str]) -> Diagnostic:
    near = difflib.get_close_matches(end.rpartition(".")[2], available, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(available) or 'none'}"
    return Diagnostic("S006", "error", message + hint, place, received=end, expected=", ".join(available))


def _unreached(definition: Definition) -> Iterable[Diagnostic]:
    """Nodes on no path to an output."""
    useful = definition.useful
    for name in definition.nodes:
        if name not in useful:
            yield Diagnostic(
                "S013",
                "warning",
                f"{name!r} leads to no output, so it is left out of the code; connect it or delete it",
                f"{definition.name}/{name}",
            )


def _instances(definition: Definition) -> Iterable[Diagnostic]:
    """Nodes that share an instance must call the same thing with the same parameters."""
    first: dict[str, str] = {}
    for name, node in definition.nodes.items():
        if node.instance is None:
            continue
        other = definition.nodes[first.setdefault(node.instance, name)]
        if (other.call, dict(other.params), other.repeat) != (node.call, dict(node.params), node.repeat):
            message = f"shares the instance {node.instance!r} with {other.id!r} but differs in call, parameters or repeat"
            yield Diagnostic(
                "S015", "error", message, f"{definition.name}/{name}", received=node.call, expected=other.call
            )
