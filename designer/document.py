"""The design document: definitions, nodes (calls), edges; loaded from and saved to versioned JSON.

Loading checks the *form* of the document (types, names, version) and raises `UserError`; what the design
*means* (unknown blocks, cycles, shapes) is left to the checker, which reports diagnostics.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.errors import UserError
from designer.files import write_atomic
from designer.recent import Recent

if TYPE_CHECKING:
    import networkx as nx

FORMAT = "diffusion-design"
FORMAT_VERSION = 1
MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Parameter:
    """A parameter of a definition: type name, default (None: must be given or inferred), help."""

    type: str = "int"
    default: Any = None
    help: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class DesignPort:
    """An input or output of a definition: role and symbolic shape such as "B C H W".

    `stack` marks a list of tensors; an `optional` input may stay unconnected where nothing that the calls of
    the definition contain reads it; `source` (outputs only) is the endpoint "node.port" or an input name.
    """

    name: str
    role: str = "any"
    shape: str = ""
    dtype: str = ""
    stack: bool = False
    optional: bool = False
    source: str = ""
    help: str = ""


@dataclass(frozen=True)
class Node:
    """A call of a block or a definition, maybe repeated, maybe under a condition.

    `checkpoint`: in training, backward computes the called definition again instead of keeping its activations.
    """

    id: str
    call: str
    params: Mapping[str, Any] = field(default_factory=dict)
    repeat: int | str | None = None
    when: str | None = None
    instance: str | None = None
    checkpoint: bool = False
    help: str = ""


@dataclass(frozen=True)
class Definition:
    """A graph with typed inputs and outputs. It becomes one class in the rendered source."""

    name: str
    doc: str = ""
    reference: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    inputs: tuple[DesignPort, ...] = ()
    outputs: tuple[DesignPort, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    edges: tuple[tuple[str, str], ...] = ()

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Each connected target port "node.port" with its source endpoint; the last edge wins."""
        return {target: source for source, target in self.edges}

    @cached_property
    def wires(self) -> Mapping[str, Mapping[str, str]]:
        """For each node with edges into it, the source endpoint of each connected port."""
        wires: dict[str, dict[str, str]] = {}
        for target, source in self.sources.items():
            node, _, port = target.partition(".")
            wires.setdefault(node, {})[port] = source
        return wires

    @cached_property
    def called(self) -> tuple[str, ...]:
        """What the nodes call, each name once."""
        return tuple(dict.fromkeys(node.call for node in self.nodes.values()))

    def graph(self) -> "nx.MultiDiGraph[str]":
        """Return the graph of calls; edges carry `source_port` and `target_port`."""
        import networkx as nx  # 0.2 s: not for `designer --help`

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        graph.add_nodes_from(self.nodes)
        for source, target in self.edges:
            source_node, _, source_port = source.partition(".")
            target_node, _, target_port = target.partition(".")
            if source_port and source_node in self.nodes and target_node in self.nodes:
                graph.add_edge(source_node, target_node, source_port=source_port, target_port=target_port)
        return graph

    @cached_property
    def _feeds(self) -> "nx.DiGraph[str]":
        """Which node feeds which, however often."""
        import networkx as nx

        feeds: nx.DiGraph[str] = nx.DiGraph()
        feeds.add_nodes_from(self.nodes)
        pairs = ((source.partition("."), target.partition(".")) for source, target in self.edges)
        feeds.add_edges_from(
            (source[0], target[0])
            for source, target in pairs
            if source[2] and source[0] in self.nodes and target[0] in self.nodes
        )
        return feeds

    @cached_property
    def useful(self) -> frozenset[str]:
        """The nodes that lead to an output; the others are left out of cost and code."""
        import networkx as nx

        graph = self._feeds
        ends = {port.source.partition(".")[0] for port in self.outputs} & set(graph)
        return frozenset(ends.union(*(nx.ancestors(graph, end) for end in ends)))

    @cached_property
    def order(self) -> list[str]:
        """Node ids so that each follows its sources; ties keep the order of the document.

        Raises networkx.NetworkXUnfeasible when the calls form a cycle.
        """
        import networkx as nx

        position = {name: index for index, name in enumerate(self.nodes)}
        return list(nx.lexicographical_topological_sort(self._feeds, key=position.__getitem__))


@dataclass(frozen=True)
class Design:
    """A whole document.

    `training` says how the network is wrapped: prediction, schedule, sample shape; `budgets` what it may cost.
    """

    name: str
    main: str
    definitions: Mapping[str, Definition]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    budgets: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""

    @property
    def main_definition(self) -> Definition:
        """The definition that is the network."""
        return self.definitions[self.main]

    def hash(self) -> str:
        """Return 16 hex digits naming the meaning of the design: layout and budgets do not count, 4.0 is 4."""
        meaning = {key: value for key, value in to_json(self).items() if key not in ("layout", "budgets")}
        text = json.dumps(_whole(meaning), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def reachable(self) -> Iterator[Definition]:
        """Yield the definitions that the main one uses, callees before callers. Cycles are cut."""
        return iter(self._reachable)

    @cached_property
    def _reachable(self) -> tuple[Definition, ...]:
        found: list[Definition] = []
        done: set[str] = set()
        stack: list[tuple[str, bool]] = [(self.main, False)]
        while stack:
            name, expanded = stack.pop()
            if expanded:
                found.append(self.definitions[name])
                continue
            if name in done or name not in self.definitions:
                continue
            done.add(name)
            stack.append((name, True))
            stack.extend((callee, False) for callee in reversed(self.callees(self.definitions[name])))
        return tuple(found)

    def callees(self, definition: Definition) -> list[str]:
        """Return the definitions that a definition calls, or may call through a socket."""
        called: dict[str, None] = {}
        for call in definition.called:
            called.update(dict.fromkeys(self.fillings if call.startswith("=") else (call,)))
        return [name for name in called if name in self.definitions]

    @cached_property
    def fillings(self) -> tuple[str, ...]:
        """The definitions that some parameter names as the filling of a socket."""
        texts = {value for value in self.parameters.values() if isinstance(value, str)}
        for definition in self.definitions.values():
            texts |= {one.default for one in definition.parameters.values() if isinstance(one.default, str)}
            for node in definition.nodes.values():
                texts |= {value for value in node.params.values() if isinstance(value, str)}
        quoting = [text for text in texts if "'" in text or '"' in text]  # expressions that hold plain text
        return tuple(
            name
            for name in self.definitions
            if name in texts or any(f"'{name}'" in text or f'"{name}"' in text for text in quoting)
        )


def _whole(value: Any) -> Any:
    """Write whole floats as integers, as a browser does."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def load(path: str | Path) -> Design:
    """Read a design file. Raises UserError when it is missing, too large, not JSON, or not a design."""
    path = Path(path)
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; expected a design file (.json)")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)  # not the whole of a device or an endless pipe
        if len(raw) > MAX_BYTES:
            size = max(path.stat().st_size, len(raw)) / 1e6
            raise UserError(f"{path}: {size:.0f} MB; a design file has at most {MAX_BYTES / 1e6:.0f} MB")
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file (byte {error.start} is not UTF-8); expected JSON") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return loads(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def loads(text: str, known: Recent[Definition] | None = None) -> Design:
    """Parse a design from JSON text. Raises UserError naming the place of the first problem of form.

    Definitions that are `known` by the same text are the same objects again.
    """
    from designer.reader import read_design  # the reader needs the classes of this file

    try:
        raw = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        raise UserError(f"not valid JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise UserError("not a design: the JSON is nested too deeply") from None
    except ValueError as error:
        raise UserError(f"not valid JSON: {error}") from None
    return read_design(raw, known)


def _refuse_constant(name: str) -> float:
    raise UserError(f"{name} is not a number that a design can hold; write a finite number")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise UserError(f"the key {key!r} appears twice in one object; names must be unique")
        result[key] = value
    return result


def to_json(design: Design) -> dict[str, Any]:
    """Return the design as plain JSON values, empty fields left out."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": design.name,
        "preset": design.preset,
        "parameters": dict(design.parameters),
        "main": design.main,
        "training": dict(design.training),
        "budgets": dict(design.budgets),
        "definitions": {name: _definition_json(value) for name, value in design.definitions.items()},
        "layout": dict(design.layout),
    }
    return {key: value for key, value in document.items() if value != "" and value != {}}


def _definition_json(definition: Definition) -> dict[str, Any]:
    document = {
        "doc": definition.doc,
        "reference": definition.reference,
        "parameters": {name: _parameter_json(value) for name, value in definition.parameters.items()},
        "inputs": [_port_json(port) for port in definition.inputs],
        "outputs": [_port_json(port) for port in definition.outputs],
        "nodes": {name: _node_json(node) for name, node in definition.nodes.items()},
        "edges": [list(edge) for edge in definition.edges],
    }
    kept = ("inputs", "outputs", "nodes", "edges")
    return {key: value for key, value in document.items() if value or key in kept}


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    document = {
        "type": parameter.type,
        "default": parameter.default,
        "help": parameter.help,
        "min": parameter.minimum,
        "max": parameter.maximum,
        "choices": list(parameter.choices),
        "unit": parameter.unit,
    }
    return {
        key: value
        for key, value in document.items()
        if value is not None and (key == "default" or (value != "" and value != []))
    }


def _port_json(port: DesignPort) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": port.name,
        "role": port.role,
        "shape": port.shape,
        "dtype": port.dtype,
    }
    if port.stack:
        document["stack"] = True
    if port.optional:
        document["optional"] = True
    if port.source:
        document["from"] = port.source.split(".", 1)
    document["help"] = port.help
    return {key: value for key, value in document.items() if value != ""}


def _node_json(node: Node) -> dict[str, Any]:
    document = {
        "call": node.call,
        "params": dict(node.params),
        "repeat": node.repeat,
        "when": node.when,
        "instance": node.instance,
        "checkpoint": node.checkpoint or None,
        "help": node.help,
    }
    return {
        key: value for key, value in document.items() if value is not None and value != {} and value != ""
    }


def dumps(design: Design) -> str:
    """Return the design as JSON text that reads well in a diff."""
    return json.dumps(to_json(design), indent=1, ensure_ascii=False) + "\n"


def save(design: Design, path: str | Path) -> None:
    """Write the design atomically."""
    write_atomic(Path(path), dumps(design))
