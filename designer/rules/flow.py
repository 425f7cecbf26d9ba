"""A checked design as one flat graph of block calls: where a value comes from, across nested definitions.

Nested calls are entered; the iterations of a repeat that share a frame stand as one. An end is a block call and
one of its ports, or "@" and an input of the network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx

from designer import expressions
from designer.dims import UndecidedError
from designer.document import Definition
from designer.expressions import ExpressionError
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.repeat import carried
from designer.shapes.values import Value
from designer.spec import BlockSpec

Key = tuple[str, ...]
End = tuple[Key, str]
Ends = tuple[End, ...]
INPUT: Key = ("@",)


@dataclass(frozen=True)
class Leaf:
    """One block call: its key (the path of calls that leads there), frame, call and evaluated iteration."""

    key: Key
    frame: Frame
    call: Call
    iteration: Iteration
    depth: Mapping[str, Any]  # i and L of the innermost repeat around it

    @property
    def place(self) -> str:
        """ "Definition/node", as diagnostics name it."""
        return f"{self.frame.definition.name}/{self.call.node.id}"

    @property
    def path(self) -> Key:
        """The calls that lead here from the main definition, as diagnostics name them."""
        return tuple(part.partition("[")[0] for part in self.key)

    @property
    def spec(self) -> BlockSpec:
        """The block that is called."""
        assert isinstance(self.call.target, BlockSpec)
        return self.call.target

    def has(self, *tags: str) -> bool:
        """Whether the block has one of these tags."""
        return any(tag in self.spec.tags for tag in tags)

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


class Flow:
    """The flat graph of a main frame."""

    def __init__(self, frame: Frame) -> None:
        self.leaves: dict[Key, Leaf] = {}
        self._upstream: dict[Key, set[Key]] = {}
        self.sources: dict[End, Ends] = {}  # a block call's input → the ends that feed it
        inputs = {name: ((INPUT, name),) for name in frame.inputs}
        self.outputs = self._expand(frame, (), inputs, {})

    def _expand(
        self, frame: Frame, path: Key, inputs: Mapping[str, Ends], depth: Mapping[str, Any]
    ) -> dict[str, Ends]:
        values: dict[str, Ends] = dict(inputs)
        for name, call in frame.calls.items():  # in the order of the walk
            if name in frame.live:
                self._call(frame, call, path, values, depth)
        return {port.name: values.get(port.source, ()) for port in frame.definition.outputs}

    def _call(
        self, frame: Frame, call: Call, path: Key, values: dict[str, Ends], depth: Mapping[str, Any]
    ) -> None:
        name, sources = call.node.id, frame.definition.sources
        arriving = {
            port.name: values.get(sources.get(f"{name}.{port.name}", ""), ()) for port in call.target.inputs
        }
        ports = [port.name for port in call.target.outputs]
        if not call.active or not call.iterations:
            first = next((ends for ends in arriving.values() if ends), ())
            values.update({f"{name}.{port}": () if call.active else first for port in ports[:1]})
            return
        key = (*path, name)
        found = (
            self._repeat(call, key, arriving, depth)
            if isinstance(call.target, Definition)
            else self._leaf(frame, call, key, arriving, depth)
        )
        for port in ports:
            values[f"{name}.{port}"] = found.get(port, ())
            values[f"{name}.{port}[]"] = found.get(f"{port}[]", found.get(port, ()))

    def _leaf(
        self, frame: Frame, call: Call, key: Key, arriving: Mapping[str, Ends], depth: Mapping[str, Any]
    ) -> dict[str, Ends]:
        self.leaves[key] = Leaf(key, frame, call, call.iterations[-1], depth)
        self.sources.update({(key, port): ends for port, ends in arriving.items()})
        return {port.name: ((key, port.name),) for port in call.target.outputs}

    def _repeat(
        self, call: Call, key: Key, arriving: Mapping[str, Ends], depth: Mapping[str, Any]
    ) -> dict[str, Ends]:
        """Enter each distinct frame of the iterations; what is carried goes from one to the next."""
        links, values = carried(call.target), dict(arriving)
        outputs: dict[str, Ends] = {}
        stacks: dict[str, Ends] = {}
        previous: Frame | None = None
        for index, iteration in enumerate(call.iterations):
            if iteration.frame is None or iteration.frame is previous:
                continue
            previous = iteration.frame
            step = key if len(call.iterations) == 1 else (*key[:-1], f"{key[-1]}[{index}]")
            where = depth if call.node.repeat is None else {"i": index, "L": call.count}
            outputs = self._expand(iteration.frame, step, values, where)
            for port, ends in outputs.items():
                stacks[f"{port}[]"] = (*stacks.get(f"{port}[]", ()), *ends)
                if port in links:
                    values[links[port]] = ends
        return {**outputs, **stacks}

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
        graph: nx.DiGraph[Key] = nx.DiGraph()
        graph.add_nodes_from(self.leaves)
        for (key, _), ends in self.sources.items():
            graph.add_edges_from(
                (source if source != INPUT else (*INPUT, port), key) for source, port in ends
            )
        return graph

    def after(self, leaf: Leaf) -> list[Leaf]:
        """Return the block calls that a block call feeds."""
        return [self.leaves[key] for key in self.graph.successors(leaf.key)]

    def upstream(self, leaf: Leaf) -> set[Key]:
        """Return the keys of everything that a block call depends on."""
        if leaf.key not in self._upstream:
            self._upstream[leaf.key] = set(nx.ancestors(self.graph, leaf.key))
        return self._upstream[leaf.key]

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
