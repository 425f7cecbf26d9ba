"""From a trace to a design document: definitions named after the source's modules, and where each tensor goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from designer.catalogue import catalogue
from designer.dims import Dim
from designer.shapes.values import shape_text
from designer.sources.graph.fold import Chain, chains, folded_name
from designer.sources.graph.trace import Call, Trace
from designer.sources.graph.tree import Graph, build, identifier, patterns, tensors, unique

_NAMES: Mapping[int, Sequence[str]] = {1: ("t", "y"), 2: ("c", "y"), 3: ("x", "context"), 4: ("x", "skip")}


@dataclass
class Assembled:
    """A document, and for each tensor of the rendered model the tensor of the source that it is."""

    document: dict[str, Any]
    weights: dict[str, str] = field(default_factory=dict)


def assemble(trace: Trace, name: str) -> Assembled:
    """Return the design of a trace; `name` is the class or the file that it came from."""
    assembler = _Assembler(trace)
    root = build(trace, identifier(name))
    main = assembler.define(root, is_main=True)
    document = {
        "format": "diffusion-design", "format_version": 1, "name": name, "main": main,
        "definitions": dict(reversed(assembler.definitions.items())),
    }  # fmt: skip
    return Assembled(document, assembler.weights_of(root, main))


def dtypes(trace: Trace) -> dict[str, str]:
    """Return the dtype of each value, as the blocks that put it out declare."""
    blocks = catalogue()
    found = {one.name: one.dtype for one in trace.inputs}
    for call in trace.calls:
        ports = {port.name: port for port in blocks[call.block].outputs} if call.block in blocks else {}
        for name, value in call.outputs.items():
            port = ports.get(name)
            source = port.role.removeprefix("same:") if port and port.role.startswith("same:") else ""
            found[value] = (port.dtype if port else "") or found.get(call.inputs.get(source, ""), "float32")
    return found


class _Assembler:
    """Definitions by the key of their graph; each is written once."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.dtypes = dtypes(trace)
        self.definitions: dict[str, dict[str, Any]] = {}
        self.names: dict[str, str] = {}  # key of a graph → name of its definition
        self.ports: dict[str, tuple[list[str], list[str]]] = {}
        self.attributes: dict[str, list[tuple[str, str]]] = {}  # definition → attribute and call of each node
        self.taken: dict[str, int] = {}
        self.reserved = {spec.name for spec in catalogue().values()} | {
            spec.target for spec in catalogue().values()
        }

    def define(self, graph: Graph, carried: Mapping[int, int] | None = None, is_main: bool = False) -> str:
        """Return the name of the definition of a graph, written if it is new."""
        read = [self.dtypes[value] for value in graph.inputs]
        key = f"{graph.key}{sorted((carried or {}).items())}{read}"
        if key in self.names:
            return self.names[key]
        kind = identifier(graph.kind)
        name = unique(kind[:1].upper() + kind[1:], self.taken, self.reserved).replace("_", "")
        self.names[key] = name
        inputs, outputs = self._port_names(graph, carried or {}, is_main)
        self.ports[name] = (inputs, outputs)
        body = self._body(graph, inputs)
        self.attributes[name] = body["attributes"]
        ports = self._input_ports(graph, inputs, is_main)
        if is_main:
            shapes = [self._output_shape(value) for value in graph.outputs]
        else:
            shapes = patterns(self.trace, [*graph.inputs, *graph.outputs])[len(inputs) :]
        self.definitions[name] = {
            "inputs": ports,
            "outputs": [
                {"name": port, "role": "any", "shape": shape, "from": body["ends"][value].split(".")}
                for port, value, shape in zip(outputs, graph.outputs, shapes, strict=True)
            ],
            "nodes": body["nodes"],
            "edges": body["edges"],
        }
        return name

    def _body(self, graph: Graph, inputs: list[str]) -> dict[str, Any]:
        ends = dict(zip(graph.inputs, inputs, strict=True))
        nodes: dict[str, Any] = {}
        edges: list[list[str]] = []
        owners: dict[str, str] = {}
        attributes: list[tuple[str, str]] = []
        for chain in chains(graph):
            first, last = chain.nodes[0], chain.nodes[-1]
            name = self._name(chain, nodes, set(inputs))
            nodes[name], takes, gives = self._node(chain, owners, name)
            if "instance" in nodes[name]:
                nodes[nodes[name]["instance"]]["instance"] = nodes[name]["instance"]
            attributes.append((nodes[name].get("instance", name), nodes[name]["call"]))
            for port, value in zip(takes, first.inputs, strict=True):
                edges.append([ends[value], f"{name}.{port}"])
            ends.update({value: f"{name}.{port}" for port, value in zip(gives, last.outputs, strict=True)})
        return {"nodes": nodes, "edges": edges, "ends": ends, "attributes": attributes}

    def _name(self, chain: Chain, nodes: Mapping[str, Any], inputs: set[str]) -> str:
        name = chain.nodes[0].name if len(chain.nodes) == 1 else folded_name(chain)
        return unique(name, dict.fromkeys(nodes, 1), inputs)

    def _node(
        self, chain: Chain, owners: dict[str, str], name: str
    ) -> tuple[dict[str, Any], list[str], list[str]]:
        """The node of a chain, and the names of its ports."""
        node = chain.nodes[0]
        if isinstance(node.target, Call):
            call: dict[str, Any] = {"call": node.target.block}
            if node.target.params:
                call["params"] = node.target.params
            found = call, list(node.target.inputs), list(node.target.outputs)
        else:
            called = self.define(node.target, chain.carried)
            call = {"call": called, **({"repeat": len(chain.nodes)} if len(chain.nodes) > 1 else {})}
            found = call, *self.ports[called]
        held = sorted(tensors(node.target))
        if held:
            owner = owners.setdefault("\n".join([str(call), *held]), name)
            if owner != name:
                call["instance"] = owner
        return found

    def _port_names(
        self, graph: Graph, carried: Mapping[int, int], is_main: bool
    ) -> tuple[list[str], list[str]]:
        taken: dict[str, int] = {}
        inputs = [self._input_name(value, taken, is_main) for value in graph.inputs]
        outputs = []
        for port in range(len(graph.outputs)):
            plain = "out" if len(graph.outputs) == 1 else f"out_{port + 1}"
            outputs.append(inputs[carried[port]] if port in carried else plain)
        return inputs, outputs

    def _input_name(self, value: str, taken: dict[str, int], is_main: bool) -> str:
        if is_main or not value.startswith("%"):
            return unique(identifier(value), taken)
        for name in _NAMES.get(len(self.trace.axes[value]), ("x",)):
            if name not in taken:
                return unique(name, taken)
        return unique("x", taken)

    def _input_ports(self, graph: Graph, names: list[str], is_main: bool) -> list[dict[str, Any]]:
        if not is_main:
            shapes = patterns(self.trace, graph.inputs)
            return [
                {"name": name, "role": "any", "shape": shape, **self._dtype(value)}
                for name, shape, value in zip(names, shapes, graph.inputs, strict=True)
            ]
        return [
            {
                "name": name, "role": "any", "shape": shape_text(tuple(one.axes)), **self._dtype(one.name),
            }
            for name, one in zip(names, self.trace.inputs, strict=True)
        ]  # fmt: skip

    def _dtype(self, value: str) -> dict[str, str]:
        """What a port says of its dtype: nothing of floating point in single precision."""
        dtype = self.dtypes[value]
        return {"dtype": dtype} if dtype != "float32" else {}

    def _output_shape(self, value: str) -> str:
        """The shape of the network's output, "" where it counts in sizes that no axis of an input is."""
        axes = tuple(self.trace.axes[value])
        named = {str(size) for one in self.trace.inputs for size in one.axes}
        used = {name for size in axes if isinstance(size, Dim) for name in size.symbols}
        return shape_text(axes) if used <= named else ""

    def weights_of(self, graph: Graph, definition: str, prefix: str = "") -> dict[str, str]:
        """Return for each key of the rendered state dict the source's tensor."""
        found: dict[str, str] = {}
        for chain, (attribute, called) in zip(chains(graph), self.attributes[definition], strict=True):
            for index, node in enumerate(chain.nodes):
                number = f"{index}." if len(chain.nodes) > 1 else ""
                path = f"{prefix}{attribute}.{number}"
                if isinstance(node.target, Graph):
                    found.update(self.weights_of(node.target, called, path))
                else:
                    found.update({f"{path}{key}": tensor for key, tensor in node.target.weights.items()})
        return found
