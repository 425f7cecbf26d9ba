"""A checked design as one flat graph of block calls: where a value comes from, across nested definitions.

Nested calls are entered; the iterations of a repeat that share a frame stand as one. An end is a block call and
one of its ports, or "@" and an input of the network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from designer import expressions
from designer.dims import UndecidedError
from designer.document import Definition
from designer.expressions import ExpressionError
from designer.kept import kept
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.repeat import carried
from designer.shapes.values import Value
from designer.spec import BlockSpec

if TYPE_CHECKING:
    import networkx as nx

Key = tuple[str, ...]
End = tuple[Key, str]
Ends = tuple[End, ...]
Edges = Mapping[Key, Mapping[Key, None]]  # ordered, each once
INPUT: Key = ("@",)
MAX_PARTS = 64  # of one frame: paths that no longer exist go


@dataclass(eq=False, slots=True)
class Leaf:
    """One block call: its key (the path of calls that leads there), frame, call and evaluated iteration."""

    key: Key
    frame: Frame
    call: Call
    iteration: Iteration
    depth: Mapping[str, Any]  # i and L of the innermost repeat around it
    spec: BlockSpec
    tags: frozenset[str]

    @property
    def place(self) -> str:
        """ "Definition/node", as diagnostics name it."""
        return f"{self.frame.definition.name}/{self.call.node.id}"

    @property
    def path(self) -> Key:
        """The calls that lead here from the main definition, as diagnostics name them."""
        return tuple(part.partition("[")[0] for part in self.key)

    def has(self, *tags: str) -> bool:
        """Whether the block has one of these tags."""
        return not self.tags.isdisjoint(tags)

    def input(self, port: str) -> Value | None:
        """What arrives at a port: its shape and role."""
        return self.call.inputs.get(port)

    @property
    def starts_at_zero(self) -> bool:
        """Whether its output is exactly 0 at initialisation."""
        return self.spec.stability.zero_init or self.iteration.params.get("init") == "zero"

    def number(self, text: str) -> float | None:
        """Return the value of an expression of the call's parameters, such as a gate's `initial`; None without one."""
        try:
            value = expressions.evaluate(text, self.iteration.names) if text else None
        except (ExpressionError, UndecidedError):
            return None
        return float(value) if isinstance(value, (int, float)) else None


@dataclass(frozen=True)
class Part:
    """The block calls of one call of a definition: those inside it, what feeds each input, what comes out.

    `after` and `before` say what each block call, or input of the network as (INPUT name), feeds and is fed by.
    """

    leaves: Mapping[Key, Leaf]
    sources: Mapping[End, Ends]
    outputs: Mapping[str, Ends]
    after: Mapping[Key, dict[Key, None]]
    before: Mapping[Key, dict[Key, None]]


@kept
def _parts(frame: Frame) -> dict[Key, tuple[Mapping[str, Ends], Mapping[str, Any], Part]]:
    """The parts that a frame was expanded to, by path, each with the inputs and the depth that it was expanded for."""
    return {}


def expand(frame: Frame, path: Key, inputs: Mapping[str, Ends], depth: Mapping[str, Any]) -> Part:
    """Return the block calls of a frame that is called at `path` with `inputs`; asked again, the same part."""
    parts = _parts(frame)
    before = parts.get(path)
    if before is not None and before[0] == inputs and before[1] == depth:
        return before[2]
    part = _Expansion(frame, path, inputs, depth).part
    if len(parts) >= MAX_PARTS:
        parts.clear()
    parts[path] = (inputs, depth, part)
    return part


class _Expansion:
    """One call of a definition, entered."""

    def __init__(self, frame: Frame, path: Key, inputs: Mapping[str, Ends], depth: Mapping[str, Any]) -> None:
        self.frame, self.path, self.depth = frame, path, depth
        self.leaves: dict[Key, Leaf] = {}
        self.sources: dict[End, Ends] = {}
        self.after: dict[Key, dict[Key, None]] = {}
        self.before: dict[Key, dict[Key, None]] = {}
        self._own: set[Key] = set()  # whose entry of `after` is not that of a part inside
        self.values: dict[str, Ends] = dict(inputs)
        for name, call in frame.calls.items():  # in the order of the walk
            if name in frame.live:
                self._call(name, call)
        outputs = {port.name: self.values.get(port.source, ()) for port in frame.definition.outputs}
        self.part = Part(self.leaves, self.sources, outputs, self.after, self.before)

    def _call(self, name: str, call: Call) -> None:
        sources, values = self.frame.definition.sources, self.values
        arriving = {
            port.name: values.get(sources.get(f"{name}.{port.name}", ""), ()) for port in call.target.inputs
        }
        ports = [port.name for port in call.target.outputs]
        if not call.active or not call.iterations:
            first = next((ends for ends in arriving.values() if ends), ())
            values.update({f"{name}.{port}": () if call.active else first for port in ports[:1]})
            return
        key = (*self.path, name)
        if not isinstance(call.target, Definition):
            spec = call.target
            self.leaves[key] = Leaf(key, self.frame, call, call.iterations[-1], self.depth, spec, _tags(spec))
            self.before[key] = {}
            for port, ends in arriving.items():
                self.sources[key, port] = ends
                self._connect(key, ends)
            for port in ports:
                values[f"{name}.{port}"] = values[f"{name}.{port}[]"] = ((key, port),)
            return
        found = self._repeat(call, key, arriving)
        for port in ports:
            values[f"{name}.{port}"] = found.get(port, ())
            values[f"{name}.{port}[]"] = found.get(f"{port}[]", found.get(port, ()))

    def _connect(self, key: Key, ends: Ends) -> None:
        for source, port in ends:
            source = source if source != INPUT else (*INPUT, port)
            self._fed_by(source)[key] = None
            self.before[key][source] = None

    def _fed_by(self, source: Key) -> dict[Key, None]:
        if source not in self._own:
            self._own.add(source)
            self.after[source] = dict(self.after.get(source, ()))
        return self.after[source]

    def _include(self, part: Part) -> None:
        """Take in a part inside, which stays as it is."""
        self.leaves.update(part.leaves)
        self.sources.update(part.sources)
        self.before.update(part.before)
        shared = {source: self._fed_by(source) for source in part.after.keys() & self.after.keys()}
        self.after.update(part.after)
        for source, keys in shared.items():
            keys.update(part.after[source])
        self.after.update(shared)

    def _repeat(self, call: Call, key: Key, arriving: Mapping[str, Ends]) -> dict[str, Ends]:
        """Enter each distinct frame of the iterations; what is carried goes from one to the next."""
        links, values = carried(call.target), dict(arriving)
        outputs: Mapping[str, Ends] = {}
        stacks: dict[str, Ends] = {}
        previous: Frame | None = None
        for index, iteration in enumerate(call.iterations):
            if iteration.frame is None or iteration.frame is previous:
                continue
            previous = iteration.frame
            step = key if len(call.iterations) == 1 else (*key[:-1], f"{key[-1]}[{index}]")
            where = self.depth if call.node.repeat is None else {"i": index, "L": call.count}
            part = expand(iteration.frame, step, dict(values), where)
            self._include(part)
            outputs = part.outputs
            for port, ends in outputs.items():
                stacks[f"{port}[]"] = (*stacks.get(f"{port}[]", ()), *ends)
                if port in links:
                    values[links[port]] = ends
        return {**outputs, **stacks}


class Flow:
    """The flat graph of a frame, called with inputs of the network."""

    def __init__(self, frame: Frame) -> None:
        part = expand(frame, (), {name: ((INPUT, name),) for name in frame.inputs}, {})
        self.leaves, self.sources, self.outputs = part.leaves, part.sources, part.outputs
        self._after, self._before = part.after, part.before
        self._upstream: dict[Key, frozenset[Key]] = {}
        self._downstream: dict[Key, frozenset[Key]] = {}

    # -- questions ----------------------------------------------------------------------------------------

    def into(self, leaf: Leaf, port: str) -> list[Leaf]:
        """Return the block calls that feed a port."""
        return [self.leaves[key] for key, _ in self.sources.get((leaf.key, port), ()) if key != INPUT]

    def inputs(self, leaf: Leaf) -> Iterator[tuple[str, Leaf]]:
        """Yield each connected port with each block call that feeds it."""
        for port in leaf.spec.inputs:
            for source in self.into(leaf, port.name):
                yield port.name, source

    @cached_property
    def graph(self) -> "nx.DiGraph[Key]":
        """The graph of block calls and, as (INPUT name), of the network's inputs."""
        import networkx as nx

        graph: nx.DiGraph[Key] = nx.DiGraph()
        graph.add_nodes_from(self.leaves)
        graph.add_edges_from((source, key) for source, keys in self._after.items() for key in keys)
        return graph

    def feeds(self, start: Key) -> list[Key]:
        """Return the keys of what a block call, or the input of the network (INPUT, name), feeds."""
        return list(self._after.get(start, ()))

    def after(self, leaf: Leaf) -> list[Leaf]:
        """Return the block calls that a block call feeds."""
        return [self.leaves[key] for key in self._after.get(leaf.key, ())]

    def upstream(self, leaf: Leaf) -> frozenset[Key]:
        """Return the keys of everything that a block call depends on."""
        if leaf.key not in self._upstream:
            self._upstream[leaf.key] = _reach(leaf.key, self._before)
        return self._upstream[leaf.key]

    def downstream(self, start: Key) -> list[Leaf]:
        """Return what depends on a block call, or on the input of the network (INPUT, name), in the order of the walk."""
        found = self.reach(start)
        return [leaf for key, leaf in self.leaves.items() if key in found]

    def reach(self, start: Key) -> frozenset[Key]:
        """Return the keys of what depends on a block call, or on the input of the network (INPUT, name)."""
        if start not in self._downstream:
            self._downstream[start] = _reach(start, self._after)
        return self._downstream[start]

    @cached_property
    def _by_tag(self) -> dict[str, list[Leaf]]:
        found: dict[str, list[Leaf]] = {}
        for leaf in self.leaves.values():
            for tag in leaf.spec.tags:
                found.setdefault(tag, []).append(leaf)
        return found

    def tagged(self, *tags: str) -> list[Leaf]:
        """Return the block calls that have one of these tags, those of the first tag first, in the order of the walk."""
        return list({id(leaf): leaf for tag in tags for leaf in self._by_tag.get(tag, ())}.values())


flow_of = kept(Flow)


@kept
def _tags(spec: BlockSpec) -> frozenset[str]:
    return frozenset(spec.tags)


def _reach(start: Key, edges: Edges) -> frozenset[Key]:
    """What can be reached along the edges, the start itself left out."""
    found, todo = {start}, [start]
    while todo:
        for key in edges.get(todo.pop(), ()):
            if key not in found:
                found.add(key)
                todo.append(key)
    return frozenset(found - {start})
