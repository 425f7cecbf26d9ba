"""What is different between two designs: their meaning, not their layout, and what it does to their cost.

Definitions and nodes are matched by name; what is left over on both sides is matched where it is the same but for
its name, and reported as renamed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeVar

from designer.document import Definition, Design, Node, to_json
from designer.errors import UserError
from designer.summary import Summary, summarize

Kind = Literal["added", "removed", "renamed", "reparametrised", "rewired", "changed"]
T = TypeVar("T")
COSTS = ("parameters", "trainable", "flops", "activation_bytes_forward", "activation_bytes_training")


@dataclass(frozen=True)
class Change:
    """One difference: its kind, its place ("Definition/node", "Definition" or "design"), and what it was and is."""

    kind: Kind
    place: str
    what: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class Cost:
    """One cost of both designs; None where a design has errors and so no cost."""

    name: str
    before: int | None
    after: int | None

    @property
    def delta(self) -> int | None:
        """How much more the second design costs."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True)
class Difference:
    """Everything that is different. `costs` are totals at the operating point `at`."""

    before: str
    after: str
    changes: tuple[Change, ...]
    costs: tuple[Cost, ...] = ()
    at: Mapping[str, int] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether the designs mean the same."""
        return not self.changes

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain JSON values."""
        return {
            "same": self.same,
            "before": self.before,
            "after": self.after,
            "changes": [asdict(one) for one in self.changes],
            "costs": {
                one.name: {"before": one.before, "after": one.after, "delta": one.delta} for one in self.costs
            },
            "at": dict(self.at),
        }


def diff(before: Design, after: Design, at: Mapping[str, int] | None = None) -> Difference:
    """Compare two designs; costs are counted at the sizes `at` (default: each design's own sample)."""
    changes = [*_values("parameter", "design", before.parameters, after.parameters)]
    changes += _values("training", "design", before.training, after.training)
    changes += _values("budget", "design", before.budgets, after.budgets)
    if before.main != after.main:
        changes.append(Change("changed", "design", "main definition", before.main, after.main))
    left = {one.name: one for one in before.reachable()}
    right = {one.name: one for one in after.reachable()}
    renamed = _renamed(left, right, _same_definition)
    for old, new in renamed.items():
        changes.append(Change("renamed", new, "definition", old, new))
    changes += [
        Change("removed", name, "definition") for name in left if name not in right and name not in renamed
    ]
    added = [name for name in right if name not in left and name not in renamed.values()]
    changes += [Change("added", name, "definition") for name in added]
    for name, definition in left.items():
        other = right.get(renamed.get(name, name))
        if other is not None:
            changes += _definitions(definition, other, renamed)
    costs, sizes = _costs(before, after, at)
    return Difference(before.name, after.name, tuple(changes), costs, sizes)


def _definitions(before: Definition, after: Definition, definitions: Mapping[str, str]) -> Iterator[Change]:
    place = after.name
    for what, old, new in (
        ("parameters", _json(before, "parameters"), _json(after, "parameters")),
        ("inputs", _json(before, "inputs"), _json(after, "inputs")),
    ):
        if old != new:
            yield Change("changed", place, what, old, new)
    left = {name: _called(node, definitions) for name, node in before.nodes.items()}
    right = dict(after.nodes)
    renamed = _renamed(left, right, lambda a, b: replace(a, id=b.id) == b)
    for old_name, new_name in renamed.items():
        yield Change("renamed", f"{place}/{new_name}", right[new_name].call, old_name, new_name)
    for name, node in left.items():
        if name not in right and name not in renamed:
            yield Change("removed", f"{place}/{name}", node.call)
    for name, node in right.items():
        if name not in left and name not in renamed.values():
            yield Change("added", f"{place}/{name}", node.call)
    for name in left.keys() & right.keys():
        yield from _nodes(f"{place}/{name}", left[name], right[name])
    yield from _wires(before, after, renamed)


def _nodes(place: str, before: Node, after: Node) -> Iterator[Change]:
    if before.call != after.call:
        yield Change("changed", place, "call", before.call, after.call)
    yield from _values("parameter", place, before.params, after.params)
    for what in ("repeat", "when", "instance", "checkpoint"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            yield Change("changed", place, what, old, new)


def _wires(before: Definition, after: Definition, renamed: Mapping[str, str]) -> Iterator[Change]:
    def named(endpoint: str) -> str:
        node, dot, port = endpoint.partition(".")
        return f"{renamed.get(node, node)}{dot}{port}"

    old = {named(target): named(source) for source, target in before.edges}
    old |= {f"@{port.name}": named(port.source) for port in before.outputs}
    new = {target: source for source, target in after.edges}
    new |= {f"@{port.name}": port.source for port in after.outputs}
    kept = {renamed.get(name, name) for name in before.nodes} & set(after.nodes)
    for target in dict.fromkeys((*old, *new)):
        node = target.partition(".")[0]
        if old.get(target) != new.get(target) and (node in kept or target.startswith("@")):
            place = f"{after.name}/{node}" if node in kept else after.name
            yield Change("rewired", place, target, old.get(target), new.get(target))


def _values(what: str, place: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Change("reparametrised", place, f"{what} {name}", before.get(name), after.get(name))


def _renamed(left: Mapping[str, T], right: Mapping[str, T], same: Callable[[T, T], bool]) -> dict[str, str]:
    """Match what only one side has with what only the other has, where it is the same but for its name."""
    found: dict[str, str] = {}
    for name in (one for one in left if one not in right):
        twin = next(
            (b for b in right if b not in left and b not in found.values() and same(left[name], right[b])),
            None,
        )
        if twin is not None:
            found[name] = twin
    return found


def _same_definition(before: Definition, after: Definition) -> bool:
    return replace(before, name=after.name) == after


def _called(node: Node, definitions: Mapping[str, str]) -> Node:
    return replace(node, call=definitions.get(node.call, node.call))


def _json(definition: Definition, key: str) -> Any:
    design = Design("", definition.name, {definition.name: definition})
    return to_json(design)["definitions"][definition.name].get(key)


def _costs(
    before: Design, after: Design, at: Mapping[str, int] | None
) -> tuple[tuple[Cost, ...], Mapping[str, int]]:
    summaries: list[Summary | None] = []
    for design in (before, after):
        try:
            summaries.append(summarize(design, dict(at) if at else None))
        except UserError:
            summaries.append(None)
    left, right = summaries
    costs = tuple(
        Cost(name, getattr(left, name) if left else None, getattr(right, name) if right else None)
        for name in COSTS
    )
    known = right or left
    return costs, known.at if known else {}
