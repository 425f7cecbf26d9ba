"""Chains of equal modules, such as blocks.0 to blocks.11, as one repeated node."""

import re
from dataclasses import dataclass

from designer.sources.graph.tree import Graph, Node


@dataclass
class Chain:
    """Neighbouring nodes of one definition, each fed by the one before: input port ← output port of the last."""

    nodes: list[Node]
    carried: dict[int, int]  # output → input


def chains(graph: Graph) -> list[Chain]:
    """Return the nodes of a graph, in order, chains of two or more where nodes can be folded."""
    used: dict[str, set[int]] = {}
    for node in graph.nodes:
        for value in node.inputs:
            used.setdefault(value, set()).add(id(node))
    found: list[Chain] = []
    for node in graph.nodes:
        last = found[-1] if found else None
        link = _link(last, node, used, set(graph.outputs)) if last else None
        if last is not None and link:
            last.nodes.append(node)
            last.carried = link
        else:
            found.append(Chain([node], {}))
    return found


def _link(chain: Chain, node: Node, used: dict[str, set[int]], outputs: set[str]) -> dict[int, int] | None:
    """Return what the node takes from the chain's last one, if it can be the chain's next repetition."""
    last = chain.nodes[-1]
    if not (isinstance(node.target, Graph) and isinstance(last.target, Graph)):
        return None
    if node.target.key != last.target.key or _number(node) != _number(last) + 1 or _stem(node) != _stem(last):
        return None
    carried = {}
    for port, value in enumerate(last.outputs):
        if value in outputs or used.get(value, set()) - {id(node)}:
            return None  # somebody else needs a value from the middle
        if node.inputs.count(value) != 1:
            return None
        carried[port] = node.inputs.index(value)
    constant = [value for port, value in enumerate(node.inputs) if port not in carried.values()]
    before = [value for port, value in enumerate(last.inputs) if port not in carried.values()]
    if not carried or constant != before or (chain.carried and chain.carried != carried):
        return None
    return carried


def _number(node: Node) -> int:
    match = re.search(r"(\d+)$", node.path)
    return int(match.group(1)) if match else -10


def _stem(node: Node) -> str:
    return re.sub(r"\.?\d+$", "", node.path)


def folded_name(chain: Chain) -> str:
    """Return the name of the repeated node: that of the list of modules."""
    return re.sub(r"_?\d+$", "", chain.nodes[0].name) or "layers"
