"""The result of inference: one frame for each distinct call of a definition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from designer.dims import Size
from designer.document import Definition, Node
from designer.shapes.values import Value
from designer.spec import BlockSpec


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

    def value(self, endpoint: str) -> Value | None:
        """Return what flows from an endpoint: an input name, "node.port" or "node.port[]"."""
        node, _, port = endpoint.partition(".")
        if not port:
            return self.inputs.get(node)
        call = self.calls.get(node)
        if call is None:
            return None
        return call.stacks.get(port[:-2]) if port.endswith("[]") else call.outputs.get(port)

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], "Frame"]]:
        """Yield this frame and every frame below it with the path of calls, iterations included."""
        yield path, self
        for name, call in self.calls.items():
            for index, iteration in enumerate(call.iterations):
                if iteration.frame is not None:
                    step = f"{name}[{index}]" if call.node.repeat is not None else name
                    yield from iteration.frame.walk((*path, step))
