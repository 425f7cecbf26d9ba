"""The values of a forward method: how often each is still read, which variable holds it, what it is called."""

import keyword
from collections import Counter
from collections.abc import Mapping, Set

from designer.document import Definition
from designer.names import GLOBALS
from designer.plan.constructor import Site
from designer.plan.expression import Expression
from designer.shapes.repeat import carried
from designer.shapes.values import compatible
from designer.spec import BlockSpec

# Port names that say nothing about the value.
GENERIC = frozenset({"x", "a", "b", "out", "first", "rest", "like", "tokens", "embedding", "factor", "gate"})


class Variables:
    """Values by endpoint: the `sources` of inputs, how many reads are `remaining`, the variable that has `held` it last.

    A value that is read once waits in `pending` to stand inside the expression that reads it.
    """

    def __init__(self, definition: Definition, sites: Mapping[str, Site]) -> None:
        self.definition, self.sites = definition, sites
        self.sources = {
            f"{node}.{port}": self._resolve(self.definition.sources[f"{node}.{port}"])
            for node, site in self.sites.items()
            for port in site.reads
        }
        self.results = [self._resolve(port.source) for port in self.definition.outputs]
        used = [
            source
            for target, source in self.sources.items()
            if (node := target.partition(".")[0]) in self.sites and self.sites[node].call.active
        ]
        self.remaining = Counter(used + self.results)
        self.held = {port.name: port.name for port in self.definition.inputs}
        self.pending: dict[str, Expression] = {}
        targets = [site.call.target for site in self.sites.values()]
        self.functions = {
            one.target for one in targets if isinstance(one, BlockSpec) and one.kind == "function"
        }
        self.reserved = GLOBALS | frozenset(keyword.kwlist) | self.functions
        self.several = {
            node: [port.name for port in site.call.target.outputs]
            for node, site in self.sites.items()
            if len(site.call.target.outputs) > 1
        }

    def _resolve(self, endpoint: str) -> str:
        """Follow nodes that do not run to what they pass on: a repeat of none what it carries, else the first input."""
        node, _, port = endpoint.partition(".")
        site = self.sites.get(node) if port else None
        if site is None or site.call.active:
            return endpoint
        links = carried(site.call.target) if site.call.node.repeat is not None else {}
        first = links.get(port) or next(iter(site.call.inputs), None)
        source = self.definition.sources.get(f"{node}.{first}") if first else None
        return self._resolve(source) if source else endpoint

    def value(self, endpoint: str) -> Expression:
        """Return what reads a value: its variable, or the expression that still waits."""
        if endpoint in self.pending:
            return self.pending[endpoint]
        return Expression(self.held[endpoint], (endpoint,))

    def consume(self, expression: Expression) -> None:
        """Note that the values in an expression were read once."""
        for endpoint in expression.reads:
            self.remaining[endpoint] -= 1

    def taken(self) -> set[str]:
        """Variables that hold a value still needed, and names that the code needs for something else."""
        held = {name for endpoint, name in self.held.items() if self.remaining[endpoint] > 0}
        return held | self.reserved

    def name(self, endpoint: str) -> str:
        """Choose the variable for a value: its input's, when that is free again, else a telling name."""
        node, _, port = endpoint.partition(".")
        taken = self.taken()
        site = self.sites[node]
        if any(one.name == port and one.stack for one in site.call.target.outputs):
            taken |= set(self.held.values())  # a list never takes over the variable of a tensor
        outputs = [one.name for one in site.call.target.outputs]
        inputs = [one.name for one in site.call.target.inputs]
        if len(outputs) == 1 or (port == outputs[0] and port in inputs):
            primary = self._primary(node, self._role(endpoint), taken)
            if primary:
                return primary
        wanted = self._part(node, port) if len(outputs) > 1 else self.telling(node, endpoint, taken)
        return wanted if wanted not in taken else self.fresh(wanted, taken)

    def _part(self, node: str, port: str) -> str:
        """One of several outputs: its port, after what tells the node from others with such a port.

        Beside the node `qkv`, the output q of `context_qkv` is context_q.
        """
        names = [other.split("_") for other, ports in self.several.items() if port in ports]
        if len(names) == 1:
            return port
        shared = 0
        while len({tuple(words[-shared - 1 :]) for words in names}) == 1:
            shared += 1
        words = node.split("_")
        return "_".join([*(words[:-shared] if shared else words), port])

    def _primary(self, node: str, role: str, taken: Set[str]) -> str:
        """The free variable of the node's main data input, if it carries a value of that role.

        An operator on several such values takes over the one with the shortest name.
        """
        target = self.sites[node].call.target
        found = [
            self._behind(self.sources.get(f"{node}.{port.name}", ""), role, taken) for port in target.inputs
        ]
        if not found or not found[0]:
            return ""
        if not isinstance(target, BlockSpec) or target.kind != "expression":
            return found[0]
        ports = zip(found, target.inputs, strict=True)
        return min((one for one, port in ports if one and port.role == target.inputs[0].role), key=len)

    def _behind(self, source: str, role: str, taken: Set[str]) -> str:
        """The variable of a value, or the one that its pending calls may take over."""
        if source in self.held:
            fits = role and self._role(source) and compatible(self._role(source), role)
            return self.held[source] if fits and self.held[source] not in taken else ""
        return self._primary(source.partition(".")[0], role, taken) if source else ""

    def _role(self, endpoint: str) -> str:
        node, _, port = endpoint.partition(".")
        if not port:
            return next((one.role for one in self.definition.inputs if one.name == node), "")
        if port.endswith("[]"):
            return "stack"
        value = self.sites[node].call.outputs.get(port)
        return value.role if value is not None else ""

    def telling(self, node: str, endpoint: str, taken: set[str]) -> str:
        """A name that says what the value is: that of a port which takes it, "h" for features, else the node's."""
        for target, source in self.sources.items():
            port = target.partition(".")[2]
            if source == endpoint and port not in GENERIC and port not in taken:
                return port
        if any(one.stack for one in self.sites[node].call.target.outputs):
            return node
        if self.is_spatial(endpoint):
            return "h" if "h" not in taken else node
        result = self.definition.outputs[0]
        if result.role == self._role(endpoint) and result.name not in GENERIC | taken:
            return result.name  # a vector on its way to the only result
        return node

    def is_spatial(self, endpoint: str) -> bool:
        """Whether a value is a map or tokens."""
        role = self._role(endpoint)
        return role != "any" and any(compatible(role, kind) for kind in ("map", "tokens"))

    @staticmethod
    def fresh(wanted: str, taken: Set[str]) -> str:
        """Return the wanted name with the first number that is free."""
        number = 2
        while f"{wanted}_{number}" in taken:
            number += 1
        return f"{wanted}_{number}"
