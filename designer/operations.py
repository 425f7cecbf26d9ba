"""Small operations on a design: what fixes are made of.

| operation | fields | does |
|---|---|---|
| set | definition, node, param, value | sets a parameter of a call; null: back to its default |
| add | definition, node, call, params, when | adds a call |
| call | definition, node, call, params | lets a node call something else, with these parameters |
| checkpoint | definition, node, value | says whether backward computes the called definition again |
| remove | definition, node | removes a node and its edges |
| connect | definition, source, target | adds an edge; the target's earlier edge goes |
| disconnect | definition, target | removes the edge into a port |
| output | definition, port, source, shape | lets an output of the definition come from elsewhere, or declares its shape |
| parameter | name, value | sets a parameter of the design |
| training | name, value | sets how the network is trained |

Applying is pure: a design and a fix give a design. Nothing of the document is run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from designer.document import Definition, Design, Node
from designer.errors import UserError

Operation = Mapping[str, Any]


def apply_operation(design: Design, operation: Operation) -> Design:
    """Return the design after one operation. Raises UserError when its place does not exist."""
    name = operation.get("op")
    if name == "parameter":
        return replace(design, parameters=_with(design.parameters, operation["name"], operation["value"]))
    if name == "training":
        return replace(design, training=_with(design.training, operation["name"], operation["value"]))
    change = _CHANGES.get(str(name))
    if change is None:
        raise UserError(
            f"a fix has no operation {name!r}; there are {', '.join(_CHANGES)}, parameter, training"
        )
    definition = design.definitions.get(operation["definition"])
    if definition is None:
        raise UserError(
            f"the fix does not fit the design: no definition is named {operation['definition']!r}"
        )
    return replace(design, definitions={**design.definitions, definition.name: change(definition, operation)})


def _with(values: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {key: one for key, one in {**values, name: value}.items() if one is not None}


def _node(definition: Definition, operation: Operation) -> Node:
    node = definition.nodes.get(operation["node"])
    if node is None:
        raise UserError(
            f"the fix does not fit the design: {definition.name} has no node {operation['node']!r}"
        )
    return node


def _put(definition: Definition, node: Node) -> Definition:
    return replace(definition, nodes={**definition.nodes, node.id: node})


def _set(definition: Definition, operation: Operation) -> Definition:
    node = _node(definition, operation)
    params = _with(node.params, operation["param"], operation["value"])
    return _put(definition, replace(node, params=params))


def _add(definition: Definition, operation: Operation) -> Definition:
    name = operation["node"]
    if name in definition.nodes:
        raise UserError(f"the fix does not fit the design: {definition.name} already has a node {name!r}")
    params = dict(operation.get("params", {}))
    return _put(definition, Node(name, operation["call"], params, when=operation.get("when")))


def _call(definition: Definition, operation: Operation) -> Definition:
    node = _node(definition, operation)
    return _put(definition, replace(node, call=operation["call"], params=dict(operation.get("params", {}))))


def _checkpoint(definition: Definition, operation: Operation) -> Definition:
    return _put(definition, replace(_node(definition, operation), checkpoint=bool(operation["value"])))


def _remove(definition: Definition, operation: Operation) -> Definition:
    name = _node(definition, operation).id
    nodes = {key: node for key, node in definition.nodes.items() if key != name}
    edges = tuple(
        edge for edge in definition.edges if name not in (edge[0].split(".")[0], edge[1].split(".")[0])
    )
    return replace(definition, nodes=nodes, edges=edges)


def _connect(definition: Definition, operation: Operation) -> Definition:
    source, target = operation["source"], operation["target"]
    kept = tuple(edge for edge in definition.edges if edge[1] != target)
    return replace(definition, edges=(*kept, (source, target)))


def _disconnect(definition: Definition, operation: Operation) -> Definition:
    kept = tuple(edge for edge in definition.edges if edge[1] != operation["target"])
    return replace(definition, edges=kept)


def _output(definition: Definition, operation: Operation) -> Definition:
    outputs = tuple(
        replace(port, source=operation.get("source", port.source), shape=operation.get("shape", port.shape))
        if port.name == operation["port"]
        else port
        for port in definition.outputs
    )
    return replace(definition, outputs=outputs)


_CHANGES: dict[str, Callable[[Definition, Operation], Definition]] = {
    "set": _set,
    "add": _add,
    "call": _call,
    "checkpoint": _checkpoint,
    "remove": _remove,
    "connect": _connect,
    "disconnect": _disconnect,
    "output": _output,
}


def setting(design: Design, path: Sequence[str], param: str, value: Any) -> Operation | None:
    """Return the operation that gives a parameter of the call at the end of `path` a value, where it is written.

    A parameter that is passed on by its name ("num_heads") is set where it comes from: at the call outside, or
    among the parameters of the design. None where an expression computes it.
    """
    chain = [design.main_definition]
    for name in path[:-1]:
        inner = design.definitions.get(chain[-1].nodes[name].call)
        if inner is None:
            return None
        chain.append(inner)
    for definition, name in zip(reversed(chain), reversed(path), strict=True):
        given = definition.nodes[name].params.get(param)
        if not isinstance(given, str):
            return {"op": "set", "definition": definition.name, "node": name, "param": param, "value": value}
        if given not in definition.parameters:
            return {"op": "parameter", "name": given, "value": value} if given in design.parameters else None
        param = given
    return {"op": "parameter", "name": param, "value": value}


def fresh(definition: Definition, wanted: str) -> str:
    """Return a node name that the definition does not use yet: `wanted`, or with a number."""
    name, number = wanted, 2
    while name in definition.nodes:
        name, number = f"{wanted}_{number}", number + 1
    return name


def insertion(
    definition: Definition, target: str, call: str, name: str, ports: tuple[str, str], **params: Any
) -> tuple[Operation, ...]:
    """Return the operations that put a call of `call` into the edge that ends at `target` ("node.port").

    `ports` are the call's input and output. Raises KeyError when nothing is connected there.
    """
    node = fresh(definition, name)
    place = {"definition": definition.name}
    return (
        {"op": "add", **place, "node": node, "call": call, "params": params},
        {"op": "connect", **place, "source": definition.sources[target], "target": f"{node}.{ports[0]}"},
        {"op": "connect", **place, "source": f"{node}.{ports[1]}", "target": target},
    )


def chain(
    definition: Definition, target: str, calls: Sequence[tuple[str, str, Mapping[str, Any]]]
) -> tuple[Operation, ...]:
    """Return the operations that put calls (callee, name, parameters) from "x" to "out" into the edge at `target`."""
    source, place = definition.sources[target], {"definition": definition.name}
    operations: list[Operation] = []
    for call, name, params in calls:
        node = fresh(definition, name)
        operations += [
            {"op": "add", **place, "node": node, "call": call, "params": dict(params)},
            {"op": "connect", **place, "source": source, "target": f"{node}.x"},
        ]
        source = f"{node}.out"
    return (*operations, {"op": "connect", **place, "source": source, "target": target})


def bypass(definition: Definition, node: str, source: str) -> tuple[Operation, ...]:
    """Return the operations that remove a call and let `source` go where its first output went."""
    place, ends = {"definition": definition.name}, f"{node}."
    return (
        *(
            {"op": "connect", **place, "source": source, "target": target}
            for start, target in definition.edges
            if start.startswith(ends)
        ),
        *(
            {"op": "output", **place, "port": port.name, "source": source}
            for port in definition.outputs
            if port.source.startswith(ends)
        ),
        {"op": "remove", **place, "node": node},
    )
