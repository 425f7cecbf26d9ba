"""The trace as a tree: the calls that a module made become a definition, equal definitions become one."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from designer.dims import Dim, simplify
from designer.shapes.functions import Axes
from designer.sources.graph.trace import Call, Trace

_SYMBOLS: Mapping[int, str] = {1: "B", 2: "BC", 3: "BNC", 4: "BCHW", 5: "BCTHW"}


@dataclass
class Graph:
    """A definition in the making. Nodes read and give values of the trace; ports are numbered."""

    kind: str
    nodes: list["Node"]
    inputs: list[str]
    outputs: list[str]
    calls_of: dict[str, tuple["Node", int]] = field(
        default_factory=dict
    )  # value → node and output that made it
    key: str = ""


@dataclass
class Node:
    """A call of a block or of a graph."""

    name: str
    target: Call | Graph
    path: str = ""  # of the module, "" for an operator

    @property
    def inputs(self) -> list[str]:
        """The values read, in the order of the ports."""
        return self.target.inputs if isinstance(self.target, Graph) else list(self.target.inputs.values())

    @property
    def outputs(self) -> list[str]:
        """The values given, in the order of the ports."""
        return self.target.outputs if isinstance(self.target, Graph) else list(self.target.outputs.values())


def build(trace: Trace, kind: str) -> Graph:
    """Return the tree of a trace; calls that lead to no output are left out."""
    calls = _useful(trace)
    used_by: dict[str, set[int]] = {}
    for index, call in enumerate(calls):
        for value in call.inputs.values():
            used_by.setdefault(value, set()).add(index)
    for value in trace.outputs:
        used_by.setdefault(value, set()).add(len(calls))
    builder = _Builder(trace, calls, used_by)
    return builder.graph(range(len(calls)), 0, kind, "", [one.name for one in trace.inputs], trace.outputs)


def _useful(trace: Trace) -> list[Call]:
    wanted, found = set(trace.outputs), []
    for call in reversed(trace.calls):
        if wanted & set(call.outputs.values()):
            wanted |= set(call.inputs.values())
            found.append(call)
    return found[::-1]


@dataclass
class _Builder:
    trace: Trace
    calls: list[Call]
    used_by: dict[str, set[int]]

    def graph(
        self, span: range, depth: int, kind: str, path: str, inputs: list[str], outputs: list[str]
    ) -> Graph:
        """Group the calls of a span by the module at this depth."""
        graph = Graph(kind, [], inputs, outputs)
        names: dict[str, int] = {}
        for start, stop in self._runs(span, depth):
            node = self._node(range(start, stop), depth, path, kind)
            node.name = unique(node.name, names, {one for one in inputs if not one.startswith("%")})
            graph.nodes.append(node)
            graph.calls_of.update({value: (node, port) for port, value in enumerate(node.outputs)})
        graph.key = f"{_key(graph)}{patterns(self.trace, inputs)}"
        return graph

    def _runs(self, span: range, depth: int) -> Iterator[tuple[int, int]]:
        """Yield neighbouring calls of one module; an operator of the module itself stands alone."""
        start = span.start
        while start < span.stop:
            stop = start + 1
            if len(self.calls[start].scope) > depth:
                path = self.calls[start].scope[depth].path
                while (
                    stop < span.stop
                    and len(self.calls[stop].scope) > depth
                    and self.calls[stop].scope[depth].path == path
                ):
                    stop += 1
            yield start, stop
            start = stop

    def _node(self, span: range, depth: int, path: str, owner: str) -> Node:
        first = self.calls[span.start]
        if len(first.scope) <= depth:
            return Node(identifier(first.name) if first.name else snake(first.block), first)
        level = first.scope[depth]
        name = identifier(_once(level.path).removeprefix(f"{_once(path)}." if path else ""))
        if len(span) == 1:
            return Node(name, first, level.path)
        inputs, outputs = self._boundary(span)
        kind = f"{owner}{_camel(name)}" if level.kind in _CONTAINERS else level.kind
        return Node(name, self.graph(span, depth + 1, kind, level.path, inputs, outputs), level.path)

    def _boundary(self, span: range) -> tuple[list[str], list[str]]:
        """The values that a span reads from outside and those that are read outside."""
        made = [value for index in span for value in self.calls[index].outputs.values()]
        read = [value for index in span for value in self.calls[index].inputs.values()]
        inside = set(span)
        outputs = [value for value in made if self.used_by.get(value, set()) - inside]
        inputs = dict.fromkeys(value for value in read if value not in set(made))
        return sorted(inputs, key=lambda value: -len(self.trace.axes[value])), outputs


def _once(path: str) -> str:
    """The path of a module without the number of the call."""
    return re.sub(r"@\d+", "", path)


_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.sub(r"\d+", "", name).split("_"))


def _key(graph: Graph) -> str:
    """A text that is equal for graphs of equal structure and parameters."""
    places = {value: f"in{index}" for index, value in enumerate(graph.inputs)}
    parts = [graph.kind]
    shared: dict[
        tuple[str, tuple[str, ...]], int
    ] = {}  # what reads the same weights twice is another structure
    for number, node in enumerate(graph.nodes):
        target = node.target
        what = target.key if isinstance(target, Graph) else _call_key(target)
        parts.append(f"{node.name}={what}({','.join(places[value] for value in node.inputs)})")
        places.update({value: f"{number}.{port}" for port, value in enumerate(node.outputs)})
        held = tuple(tensors(target))
        parts.append(str(shared.setdefault((what, held), number)) if held else "")
    parts.append(",".join(places[value] for value in graph.outputs))
    return "{" + ";".join(parts) + "}"


def tensors(target: Call | Graph) -> list[str]:
    """Return the source's tensors that a call or a graph holds."""
    if isinstance(target, Call):
        return list(target.weights.values())
    return [tensor for node in target.nodes for tensor in tensors(node.target)]


def _call_key(call: Call) -> str:
    return f"{call.block}{json.dumps(call.params, sort_keys=True)}{sorted(call.weights)}{list(call.inputs)}"


def patterns(trace: Trace, values: Sequence[str]) -> list[str]:
    """Return the shapes of ports: features as numbers; batch, pixels and tokens as letters."""
    letters: dict[Any, str] = {}
    return [" ".join(_letters(trace.axes[value], letters)) for value in values]


def _letters(axes: Axes, letters: dict[Any, str]) -> list[str]:
    usual = _SYMBOLS.get(len(axes), "BCDEHWXYZ"[: len(axes)])
    features = 1 if len(axes) > 3 else len(axes) - 1
    found = []
    for index, size in enumerate(map(simplify, axes)):
        if isinstance(size, int) and (size == 1 or (index == features and index > 0)):
            found.append(str(size))
            continue
        key = size if isinstance(size, Dim) else (index, size)
        if key not in letters:
            free = [usual[index], *"BNMCHWTDEKLPQRSUVXYZ"]
            letters[key] = next(one for one in free if one not in letters.values())
        found.append(letters[key])
    return found


def snake(name: str) -> str:
    """Return a block's name as an identifier: LayerNorm → layer_norm."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


def identifier(text: str) -> str:
    """Return a module's path as an identifier of a node."""
    name = re.sub(r"\W+", "_", text).strip("_")
    return (f"layer_{name}" if not name or name[0].isdigit() else name)[:60]


def unique(name: str, taken: dict[str, int], reserved: Iterable[str] = ()) -> str:
    """Return the name, numbered from its second use on."""
    found, number = name, taken.get(name, 1)
    while found in taken or found in reserved or found in _RESERVED:
        number += 1
        found = f"{name}_{number}"
    taken[name] = number
    taken.setdefault(found, 1)
    return found


# Attributes of nn.Module and words of Python that a node may not replace.
_RESERVED = frozenset(
    [
        "forward",
        "train",
        "eval",
        "type",
        "float",
        "double",
        "half",
        "to",
        "cpu",
        "cuda",
        "apply",
        "parameters",
        "buffers",
        "modules",
        "children",
        "register_buffer",
        "state_dict",
        "load_state_dict",
        "training",
        "self",
        "and",
        "or",
        "not",
        "in",
        "is",
        "if",
        "else",
        "for",
        "while",
        "def",
        "class",
        "return",
        "import",
        "from",
        "pass",
        "lambda",
        "with",
        "as",
        "global",
        "del",
        "try",
        "except",
        "None",
        "True",
        "False",
        "initialize_weights",
    ]
)
