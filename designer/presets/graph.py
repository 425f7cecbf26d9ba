"""Writing definitions as Python: a graph of calls in the making, and ports and parameters in one line each."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


class Graph:
    """The nodes and edges of a definition, in the order in which they are called."""

    def __init__(self) -> None:
        self.nodes: Json = {}
        self.edges: list[list[str]] = []

    def call(
        self,
        node: str,
        target: str,
        params: Mapping[str, Any] | None = None,
        *,
        repeat: int | str | None = None,
        when: str | None = None,
        help: str = "",
        **inputs: str,
    ) -> str:
        """Add a call whose inputs come from these endpoints; return the node's name."""
        fields = {"params": dict(params or {}), "repeat": repeat, "when": when, "help": help}
        self.nodes[node] = {"call": target, **{name: value for name, value in fields.items() if value}}
        self.edges += [[source, f"{node}.{port}"] for port, source in inputs.items()]
        return node


def definition(
    doc: str,
    graph: Graph,
    inputs: Sequence[Json],
    outputs: Sequence[Json],
    parameters: Mapping[str, Json] | None = None,
    reference: str = "",
) -> Json:
    """Return a definition as JSON values."""
    return {
        "doc": doc,
        **({"reference": reference} if reference else {}),
        "parameters": dict(parameters or {}),
        "inputs": list(inputs),
        "outputs": list(outputs),
        "nodes": graph.nodes,
        "edges": graph.edges,
    }


def port(
    name: str,
    role: str,
    shape: str = "",
    source: str = "",
    stack: bool = False,
    dtype: str = "",
    help: str = "",
) -> Json:
    """Return a port; `source` is the endpoint of an output."""
    fields = {"shape": shape, "dtype": dtype, "help": help}
    found: Json = {"name": name, "role": role, **{key: value for key, value in fields.items() if value}}
    if stack:
        found["stack"] = True
    if source:
        found["from"] = source.split(".", 1)
    return found


def integer(
    help: str, default: int | None = None, minimum: int | None = 1, maximum: int | None = None
) -> Json:
    """Return an integer parameter; without default it is given or inferred."""
    fields = {"default": default, "min": minimum, "max": maximum, "help": help}
    return {"type": "int", **{name: value for name, value in fields.items() if value is not None}}


def integers(help: str, default: Sequence[int] | None = None) -> Json:
    """Return a parameter that is a list of integers."""
    return {"type": "list", **({} if default is None else {"default": list(default)}), "help": help}
