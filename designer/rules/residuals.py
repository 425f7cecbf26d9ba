"""Residual stacks: what a repeated definition does with the stream that it carries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from designer.diagnostics import Fix
from designer.document import Definition
from designer.kept import kept
from designer.operations import Operation, chain
from designer.rules.flow import INPUT, End, Flow, Leaf, flow_of
from designer.rules.tracing import small_at_start
from designer.shapes.frame import Call, Frame
from designer.shapes.repeat import carried

_ALONG = ("norm", "scale", "reshape", "stochastic", "gating")


@dataclass(frozen=True)
class Update:
    """One residual sum h + F(h): the sum, the port on which the branch arrives, what the branch is made of.

    `starts_small` says that the branch is 0 or nearly 0 at initialisation, by a zero layer or a small gate.
    """

    sum: Leaf
    port: str
    branch: tuple[Leaf, ...]
    starts_small: bool

    def has(self, *tags: str) -> bool:
        """Whether a block call of the branch has one of these tags."""
        return any(leaf.has(*tags) for leaf in self.branch)


@dataclass(frozen=True)
class Stack:
    """A repeated definition: its place, how often it is called, the flow of one iteration, its residual sums.

    `owner` is the definition that the call stands in, `definition` the one that is called.

    `post_norms` and `scaled_sums` are norms and constants that act on the carried stream itself.
    """

    place: str
    depth: int
    owner: Definition
    definition: Definition
    flow: Flow
    updates: tuple[Update, ...]
    post_norms: tuple[Leaf, ...] = field(default=())
    scaled_sums: tuple[Leaf, ...] = field(default=())

    @property
    def has_skips(self) -> bool:
        """Whether long skips enter or leave the iterations."""
        return has_skips(self.owner, self.place.partition("/")[2], self.definition)

    @property
    def is_transformer(self) -> bool:
        """Whether the stack mixes tokens."""
        return any(leaf.has("attention") for leaf in self.flow.leaves.values())


def has_skips(owner: Definition, name: str, called: Definition) -> bool:
    """Whether long skips enter or leave the iterations of a call: gradients then have short ways around it."""
    history = any(
        source.endswith("[]") and f"{name}." in (source[: len(name) + 1], target[: len(name) + 1])
        for source, target in owner.edges
    )
    return history or any(port.role == "skip" for port in (*called.inputs, *called.outputs))


def stacks(frame: Frame) -> Iterator[Stack]:
    """Yield each repeated definition that carries a stream through residual sums, each place once."""
    seen: set[str] = set()
    for one in frame.walk():
        repeated = ((name, call) for name, call in one.calls.items() if call.node.repeat is not None)
        for name, call in repeated:
            place = f"{one.definition.name}/{name}"
            if place not in seen and name in one.live:
                seen.add(place)
                stack = _stack(place, one.definition, call)
                if stack is not None and stack.updates:
                    yield stack


def _stack(place: str, owner: Definition, call: Call) -> Stack | None:
    if not isinstance(call.target, Definition) or not isinstance(call.count, int) or call.node.repeat is None:
        return None
    body = call.iterations[-1].frame if call.iterations else None
    if body is None or not carried(call.target):
        return None
    return Stack(place, call.count, owner, call.target, flow_of(body), *_stream(body))


@kept
def _stream(body: Frame) -> tuple[tuple[Update, ...], tuple[Leaf, ...], tuple[Leaf, ...]]:
    """Follow the carried stream from the output of an iteration back to its input: sums, norms, scales on the way."""
    flow, updates, norms, scaled = flow_of(body), list[Update](), list[Leaf](), list[Leaf]()
    output, name = next(iter(carried(body.definition).items()))
    ends, entry = flow.outputs.get(output, ()), (INPUT, name)
    while len(ends) == 1 and ends[0] != entry and ends[0][0] != INPUT:
        leaf = flow.leaves[ends[0][0]]
        ports = [port.name for port in leaf.spec.inputs if flow.sources.get((leaf.key, port.name))]
        if leaf.has("add") and len(ports) == 2:
            trunk = next((port for port in ports if _is_trunk(flow, leaf, port, entry)), None)
            if trunk is None:
                break
            branch = ports[1 - ports.index(trunk)]
            updates.append(
                Update(leaf, branch, _branch(flow, leaf, branch, trunk), small_at_start(flow, leaf, branch))
            )
            ends = flow.sources[(leaf.key, trunk)]
        elif leaf.has(*_ALONG) and ports:
            norms += [leaf] if leaf.has("norm") else []
            scaled += [leaf] if leaf.has("scale") else []
            ends = flow.sources[(leaf.key, ports[0])]
        else:
            break
    return tuple(updates), tuple(norms), tuple(scaled)


def _is_trunk(flow: Flow, leaf: Leaf, port: str, entry: End) -> bool:
    """Whether the input leads back to the entry through sums and what acts on the stream itself alone."""
    todo, seen = list(flow.sources[(leaf.key, port)]), set[End]()
    while todo:
        end = todo.pop()
        if end == entry:
            return True
        if end in seen or end[0] == INPUT:
            continue
        seen.add(end)
        before = flow.leaves[end[0]]
        if before.has("add") or (before.has("norm", "scale") and not _feeds_branch(flow, before)):
            ports = before.spec.inputs if before.has("add") else before.spec.inputs[:1]
            todo += [one for each in ports for one in flow.sources.get((before.key, each.name), ())]
    return False


def _feeds_branch(flow: Flow, leaf: Leaf) -> bool:
    """Whether a norm's result is read by a learned layer: then it opens a branch, the stream goes past it."""
    return all(after.has("linear", "conv", "attention", "modulation", "ffn") for after in flow.after(leaf))


def _branch(flow: Flow, add: Leaf, port: str, trunk: str) -> tuple[Leaf, ...]:
    """The block calls of a branch: upstream of the sum on the branch, without what makes the trunk."""

    def above(which: str) -> set[tuple[str, ...]]:
        keys = {key for key, _ in flow.sources[(add.key, which)] if key != INPUT}
        return keys.union(*(flow.upstream(flow.leaves[key]) for key in keys))

    branch = above(port) - above(trunk)
    return tuple(leaf for key, leaf in flow.leaves.items() if key in branch)


def scale_branches(stack: Stack) -> Fix | None:
    """Scale each branch of a stack by 1/√(2L), where the sums stand."""
    calls = [("Scale", "scale", {"factor": f"1/sqrt(2*{stack.depth})"})]
    operations = [one for update in stack.updates for one in before_sum(update, calls)]
    return Fix(f"Scale each branch by 1/√(2·{stack.depth})", tuple(operations)) if operations else None


def before_sum(update: Update, calls: Sequence[tuple[str, str, Mapping[str, Any]]]) -> tuple[Operation, ...]:
    """The operations that put calls on a branch right before its sum."""
    definition = update.sum.frame.definition
    target = f"{update.sum.call.node.id}.{update.port}"
    named = [(call, f"{name}_{update.sum.call.node.id}", params) for call, name, params in calls]
    return chain(definition, target, named) if target in definition.sources else ()
