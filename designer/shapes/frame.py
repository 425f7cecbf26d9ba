"""The result of inference: one frame for each distinct call of a definition."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from designer import expressions
from designer.dims import Size
from designer.document import Definition, Node
from designer.shapes.values import Value
from designer.spec import BlockSpec

# Types of parameters that choose code rather than sizes: each choice is a class of its own when rendered.
STATIC = ("str", "block")


@dataclass(frozen=True)
class Iteration:
    """One evaluation of a call: parameters, every bound name, and the frame when it calls a definition."""

    params: Mapping[str, Any]
    names: Mapping[str, Any]
    outputs: Mapping[str, Value]
    frame: "Frame | None" = None


@dataclass
class Call:
    """A node in a frame: what it calls and each of its iterations (one unless it repeats)."""

    node: Node
    target: BlockSpec | Definition
    active: bool = True
    conditional: bool = False  # whether `when` could not be decided (symbolic mode)
    count: Size = 1
    iterations: list[Iteration] = field(default_factory=list)
    inputs: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, Value | None] = field(default_factory=dict)
    stacks: dict[str, Value | None] = field(default_factory=dict)


@dataclass
class Frame:
    """A definition under given parameters and input shapes."""

    definition: Definition
    params: Mapping[str, Any]
    inputs: Mapping[str, Value | None]
    calls: dict[str, Call] = field(default_factory=dict)
    outputs: dict[str, Value | None] = field(default_factory=dict)
    unmet: list[tuple[str, str]] = field(default_factory=list)  # node and port that nothing can arrive at

    def value(self, endpoint: str) -> Value | None:
        """Return what flows from an endpoint: an input name, "node.port" or "node.port[]"."""
        node, _, port = endpoint.partition(".")
        if not port:
            return self.inputs.get(node)
        call = self.calls.get(node)
        if call is None:
            return None
        return call.stacks.get(port[:-2]) if port.endswith("[]") else call.outputs.get(port)

    @cached_property
    def _used(self) -> tuple[frozenset[str], frozenset[str]]:
        sources = self.definition.sources
        todo = [port.source for port in self.definition.outputs]
        live: set[str] = set()
        reads: set[str] = set()
        while todo:
            node, _, port = todo.pop().partition(".")
            if not port:
                reads.add(node)
            elif node in self.definition.nodes and node not in live:
                live.add(node)
                todo += [sources[f"{node}.{one}"] for one in self.read_ports(node)]
        return frozenset(live), frozenset(reads)

    @property
    def live(self) -> frozenset[str]:
        """The nodes whose values reach an output: those feeding only what a socket's filling leaves out do not."""
        return self._used[0]

    @property
    def reads(self) -> frozenset[str]:
        """The inputs whose values reach an output."""
        return self._used[1]

    def read_ports(self, node: str) -> list[str]:
        """Return the connected inputs of a node whose values it uses."""
        call = self.calls.get(node)
        sources = self.definition.sources
        if call is None:
            return [port for name, _, port in (end.partition(".") for end in sources) if name == node]
        ends = {port.name: sources.get(f"{node}.{port.name}") for port in call.target.inputs}
        connected = [port for port, end in ends.items() if end is not None and not self.left_out(end)]
        if not call.active and self._is_static(call.node.when or ""):
            return connected[:1]
        frames = [iteration.frame for iteration in call.iterations]
        if not isinstance(call.target, Definition) or not frames or None in frames:
            return connected
        return [port for port in connected if any(one is not None and port in one.reads for one in frames)]

    def _is_static(self, condition: str) -> bool:
        """Whether a condition reads only names of blocks and other choices of code, so that its class decides it."""
        declared = self.definition.parameters
        return all(
            name in declared and declared[name].type in STATIC for name in expressions.names(condition)
        )

    def lacks(self, endpoint: str) -> bool:
        """Whether an endpoint is an output that the filling of a socket does not have."""
        node, _, port = endpoint.partition(".")
        call = self.calls.get(node)
        if call is None or not call.node.call.startswith("="):
            return False
        return port.removesuffix("[]") not in call.outputs

    def left_out(self, endpoint: str) -> bool:
        """Whether an endpoint is an optional input that this call leaves unconnected."""
        return (
            "." not in endpoint
            and endpoint not in self.inputs
            and any(port.name == endpoint and port.optional for port in self.definition.inputs)
        )

    def walk(self) -> Iterator["Frame"]:
        """Yield this frame and, once each, every frame below it, in the order of the calls."""
        return iter(self._below)

    @cached_property
    def _below(self) -> Sequence["Frame"]:
        seen: dict[int, Frame] = {}
        todo = [self]
        while todo:
            frame = todo.pop()
            if id(frame) in seen:
                continue
            seen[id(frame)] = frame
            inner = [one.frame for call in frame.calls.values() for one in call.iterations]
            todo.extend(one for one in reversed(inner) if one is not None)
        return tuple(seen.values())
