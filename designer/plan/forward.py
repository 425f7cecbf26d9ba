"""The forward method: each node a call, short chains written in one line, variables named as people name them."""

import keyword
import re
from collections import Counter
from dataclasses import dataclass, field

from designer.document import Definition
from designer.names import GLOBALS
from designer.plan.constructor import Site
from designer.plan.model import WIDTH, Line, call
from designer.shapes.repeat import carried
from designer.shapes.values import compatible
from designer.spec import BlockSpec

INDENT = 8
INLINE_WIDTH = 92  # longer expressions get a line of their own
INLINE_DEPTH = 5
# Port names that say nothing about the value.
GENERIC = frozenset({"x", "a", "b", "out", "first", "rest", "like", "tokens", "embedding", "factor", "gate"})
_OPERATOR = re.compile(r"^[\w.\[\]]+(\(.*\))?(\[.*\])?$", re.DOTALL)


@dataclass(frozen=True)
class Expression:
    """Code for a value: what it reads (endpoints), how deeply calls are nested, which node made it."""

    text: str
    reads: tuple[str, ...] = ()
    depth: int = 0
    nodes: tuple[str, ...] = ()
    composite: bool = False  # whether it calls a definition with several inputs

    def fits(self, template: str, port: str) -> bool:
        """Whether the text can stand in an operator template at an input without parentheses."""
        depth, operators = 0, ""
        for character in self.text:
            depth += (character in "([{") - (character in ")]}")
            operators += character if depth == 0 and character in "+-*/" else ""
        allowed = "+-*" if template.startswith(f"{{{port}}} + ") else "*" if " + " in template else ""
        return set(operators) <= set(allowed)


@dataclass
class ForwardPlan:
    """Lines of forward, in the making."""

    definition: Definition
    sites: dict[str, Site]
    comments: dict[str, str] = field(default_factory=dict)  # endpoint → shape comment
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
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
        self.variables = {port.name: port.name for port in self.definition.inputs}
        self.pending: dict[str, Expression] = {}
        targets = [site.call.target for site in self.sites.values()]
        functions = {one.target for one in targets if isinstance(one, BlockSpec) and one.kind == "function"}
        self.reserved = GLOBALS | frozenset(keyword.kwlist) | functions
        self.multiple = Counter(
            port.name
            for site in self.sites.values()
            if len(site.call.target.outputs) > 1
            for port in site.call.target.outputs
        )

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

    # -- values -------------------------------------------------------------------------------------------

    def _value(self, endpoint: str) -> Expression:
        if endpoint in self.pending:
            return self.pending[endpoint]
        return Expression(self.variables[endpoint], (endpoint,))

    def _consume(self, expression: Expression) -> None:
        for endpoint in expression.reads:
            self.remaining[endpoint] -= 1

    def _settle(self, endpoint: str) -> Expression:
        """Give a pending value a variable; return the expression that reads it."""
        if endpoint in self.pending:
            expression = self.pending.pop(endpoint)
            self._assign(endpoint, expression)
        return self._value(endpoint)

    def _taken(self) -> set[str]:
        """Variables that hold a value still needed, and names that the code needs for something else."""
        held = {name for endpoint, name in self.variables.items() if self.remaining[endpoint] > 0}
        return held | self.reserved

    def _assign(self, endpoint: str, expression: Expression) -> None:
        self._consume(expression)
        if expression.text in self.variables.values():  # a value passed on needs no second name
            self.variables[endpoint] = expression.text
            return
        name = self._name(endpoint)
        self.variables[endpoint] = name
        text = f"{name} = {expression.text}"
        self._emit(text, expression.nodes, endpoint)

    def _emit(self, text: str, nodes: tuple[str, ...], endpoint: str = "") -> None:
        comment = self.comments.get(endpoint, "")
        if INDENT + len(text) > WIDTH and "\n" not in text:
            text = _wrapped(text)
        if comment and "\n" not in text and INDENT + len(text) + len(comment) + 5 <= WIDTH:
            text = f"{text}  # {comment}"
        places = list(dict.fromkeys(f"{self.definition.name}/{node}" for node in nodes))
        self.lines.append(Line(text, " ".join(places)))

    def _name(self, endpoint: str) -> str:
        """Choose the variable for a value: its input's, when that is free again, else a telling name."""
        node, _, port = endpoint.partition(".")
        taken = self._taken()
        site = self.sites[node]
        if any(one.name == port and one.stack for one in site.call.target.outputs):
            taken |= set(self.variables.values())  # a list never takes over the variable of a tensor
        outputs = [one.name for one in site.call.target.outputs]
        inputs = [one.name for one in site.call.target.inputs]
        if len(outputs) == 1 or (port == outputs[0] and port in inputs):
            primary = self._primary(node, endpoint)
            if primary and primary not in taken:
                return primary
        if len(outputs) > 1:
            wanted = port if self.multiple[port] == 1 else f"{node}_{port}"
        else:
            wanted = self._telling(node, endpoint, taken)
        return wanted if wanted not in taken else self._fresh(wanted, taken)

    def _primary(self, node: str, endpoint: str) -> str:
        """The variable of the node's main data input when it carries the same kind of value."""
        role = self._role(endpoint)
        todo = [
            self.sources.get(f"{node}.{port.name}", "") for port in self.sites[node].call.target.inputs[:1]
        ]
        while todo:
            source = todo.pop()
            if (
                source in self.variables
                and role
                and self._role(source)
                and compatible(self._role(source), role)
            ):
                return self.variables[source]
            if source and source not in self.variables:
                inner = source.partition(".")[0]
                todo += [
                    self.sources.get(f"{inner}.{port.name}", "")
                    for port in self.sites[inner].call.target.inputs[:1]
                ]
        return ""

    def _role(self, endpoint: str) -> str:
        node, _, port = endpoint.partition(".")
        if not port:
            return next((one.role for one in self.definition.inputs if one.name == node), "")
        if port.endswith("[]"):
            return "stack"
        value = self.sites[node].call.outputs.get(port)
        return value.role if value is not None else ""

    def _telling(self, node: str, endpoint: str, taken: set[str]) -> str:
        for target, source in self.sources.items():
            port = target.partition(".")[2]
            if source == endpoint and port not in GENERIC and port not in taken:
                return port
        spatial = (
            any(compatible(self._role(endpoint), kind) for kind in ("map", "tokens"))
            and self._role(endpoint) != "any"
        )
        is_list = any(one.stack for one in self.sites[node].call.target.outputs)
        return "h" if spatial and not is_list and "h" not in taken else node

    @staticmethod
    def _fresh(wanted: str, taken: set[str]) -> str:
        number = 2
        while f"{wanted}_{number}" in taken:
            number += 1
        return f"{wanted}_{number}"

    # -- nodes --------------------------------------------------------------------------------------------

    def build(self) -> list[Line]:
        """Return the lines of forward, the return statement last."""
        for node in self.definition.order:
            site = self.sites.get(node)
            if site is None or not site.call.active:
                continue
            if site.count:
                self._loop(node, site)
            elif site.condition and not (site.stateful and site.identity_when_off):
                self._optional(node, site)
            else:
                self._simple(node, site)
        values = [self._value(endpoint) for endpoint in self.results]
        if len(values) > 1 and sum(len(value.text) for value in values) > INLINE_WIDTH:
            values = [self._settle(endpoint) for endpoint in self.results]
        nodes = tuple(node for value in values for node in value.nodes)
        self._emit(f"return {', '.join(value.text for value in values)}", nodes)
        return self.lines

    def _arguments(self, node: str, site: Site, force: bool = False) -> dict[str, Expression]:
        ports = [port.name for port in site.call.target.inputs if f"{node}.{port.name}" in self.sources]
        ends = {port: self.sources[f"{node}.{port}"] for port in ports}
        values = {port: self._settle(end) if force else self._value(end) for port, end in ends.items()}
        # Settle the longest chains until the call fits on a readable line.
        while True:
            expression = self._apply(node, site, values)
            chains = [port for port, end in ends.items() if end in self.pending]
            nested = [port for port in chains if values[port].composite and self._is_composite(site)]
            short = len(expression.text) <= INLINE_WIDTH and expression.depth <= INLINE_DEPTH
            if not chains or (short and not nested):
                return values
            longest = max(nested or chains, key=lambda port: len(values[port].text))
            values[longest] = self._settle(ends[longest])

    def _apply(self, node: str, site: Site, values: dict[str, Expression]) -> Expression:
        target = site.call.target
        reads = tuple(read for value in values.values() for read in value.reads)
        nodes = (*(one for value in values.values() for one in value.nodes), node)
        depth = 1 + max((value.depth for value in values.values()), default=0)
        if isinstance(target, BlockSpec) and target.kind == "expression":
            is_call = _OPERATOR.match(target.target.split("(")[0]) is not None and target.target.endswith(
                (")", "]")
            )
            passes = target.target == f"{{{target.inputs[0].name}}}" if target.inputs else False
            bare = {
                port: value.text
                if is_call or passes or value.fits(target.target, port)
                else f"({value.text})"
                for port, value in values.items()
            }
            text = _spliced(target.target, bare).format(**bare, **self._read(site))
        elif isinstance(target, BlockSpec) and target.kind == "function":
            given = [value.text for value in values.values()] + self._function_arguments(site, target)
            text = f"{target.target}({', '.join(given)})"
        else:
            text = f"self.{site.attribute}({', '.join(value.text for value in values.values())})"
        composite = self._is_composite(site) or any(value.composite for value in values.values())
        return Expression(text, reads, depth, nodes, composite)

    @staticmethod
    def _is_composite(site: Site) -> bool:
        """A call of a definition with several inputs deserves a line of its own."""
        return isinstance(site.call.target, Definition) and len(site.call.inputs) > 1

    def _read(self, site: Site) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in site.texts:
            attribute = site.attributes.get(name)
            item = "[i]" if site.indexed(name) else ""
            found[name] = f"self.{attribute}{item}" if attribute else site.source(name)
        return found

    def _function_arguments(self, site: Site, spec: BlockSpec) -> list[str]:
        read, given = self._read(site), []
        for param in spec.params:
            if param.inferred or param.structural:
                continue
            if param.positional:
                given.append(read[param.name])
            elif param.default is None or site.texts[param.name] != repr(param.default):
                given.append(f"{param.name}={read[param.name]}")
        return given

    def _simple(self, node: str, site: Site) -> None:
        expression = self._apply(node, site, self._arguments(node, site))
        outputs = [port.name for port in site.call.target.outputs]
        ends = [f"{node}.{port}" for port in outputs]
        if len(ends) == 1:
            for read in self._inputs(node):
                self.pending.pop(read, None)
            if self.remaining[ends[0]] == 1:
                self.pending[ends[0]] = expression
            else:
                self._assign(ends[0], expression)
            return
        for read in self._inputs(node):
            self.pending.pop(read, None)
        self._consume(expression)
        names = []
        for end in ends:
            unused = self.remaining[end] == 0
            self.variables[end] = "_" if unused else self._name(end)
            names.append(self.variables[end])
        self._emit(_unpacked(names, expression.text), expression.nodes)

    def _inputs(self, node: str) -> list[str]:
        return [source for target, source in self.sources.items() if target.partition(".")[0] == node]

    def _optional(self, node: str, site: Site) -> None:
        """A node that may be absent and cannot be an identity module: guarded by an if."""
        values = self._arguments(node, site, force=True)
        expression = self._apply(node, site, values)
        first = next(iter(values.values()))
        end = f"{node}.{site.call.target.outputs[0].name}"
        self._consume(expression)
        name = self._name(end)
        self.variables[end] = name
        if name != first.text:
            self._emit(f"{name} = {first.text}", (node,))
        guard = (
            f"if self.{site.attribute} is not None:" if site.stateful else f"if self.use_{site.attribute}:"
        )
        self._emit(guard, (node,))
        self._emit(f"    {name} = {expression.text}", (node,))

    def _loop(self, node: str, site: Site) -> None:
        """A repeat: carried values in variables, popped stacks zipped in reverse, history appended."""
        call_ = site.call
        links = carried(call_.target)
        ends = {port: self.sources[f"{node}.{port}"] for port in site.reads}
        values = {port: self._settle(end) for port, end in ends.items()}
        for end in ends.values():
            self.remaining[end] -= 1
        inputs = {port.name: port for port in call_.target.inputs}
        names: dict[str, str] = {}
        for output, link in links.items():
            names[link] = self._carry(node, f"{node}.{output}", values[link])
        history = self._histories(node, site)
        element = "layer" if not site.attribute.endswith("s") else site.attribute[:-1] or "layer"
        element = element if element not in self._taken() else f"{element}_module"
        popped = [port for port in ends if self._is_popped(inputs[port].stack, call_.inputs[port])]
        items = {port: self._item(values[port].text) for port in popped}
        self._emit(self._header(site, element, {items[port]: values[port].text for port in popped}), (node,))
        given = {port: names.get(port) or items.get(port) or values[port].text for port in ends}
        outputs = [port.name for port in call_.target.outputs]
        targets = [names[links[one]] if one in links else f"{one}_item" for one in outputs]
        text = f"{element}({', '.join(given.values())})"
        if not site.stateful:
            text = self._apply(node, site, {port: Expression(one) for port, one in given.items()}).text
        self._emit(f"    {', '.join(targets)} = {text}", (node,))
        for output, variable in history.items():
            self._emit(f"    {variable}.append({targets[outputs.index(output)]})", (node,))
        for output, link in links.items():
            self.variables[f"{node}.{output}"] = names[link]

    @staticmethod
    def _is_popped(takes_stack: bool, value: object) -> bool:
        return type(value).__name__ == "Stack" and not takes_stack

    def _carry(self, node: str, end: str, value: Expression) -> str:
        """The variable that the loop overwrites; a value still needed elsewhere is kept."""
        if value.text not in self._taken():
            return value.text
        name = self._telling(node, end, self._taken())
        name = name if name not in self._taken() else self._fresh(name, self._taken())
        self._emit(f"{name} = {value.text}", (node,))
        self.variables[end] = name
        return name

    def _histories(self, node: str, site: Site) -> dict[str, str]:
        found: dict[str, str] = {}
        for port in site.call.target.outputs:
            end = f"{node}.{port.name}[]"
            if self.remaining[end] > 0:
                name = "hidden" if "hidden" not in self._taken() else f"{node}_{port.name}s"
                self.variables[end] = name
                found[port.name] = name
                self._emit(f"{name}: list[Tensor] = []", (node,))
        return found

    def _item(self, stack: str) -> str:
        name = stack[:-1] if stack.endswith("s") and stack != "s" else f"{stack}_item"
        return name if name not in self._taken() else f"{name}_item"

    @staticmethod
    def _header(site: Site, element: str, popped: dict[str, str]) -> str:
        modules = f"self.{site.attribute}" if site.stateful else f"range(self.{site.attribute}_count)"
        if not site.stateful:
            element = "i" if any(map(site.indexed, site.attributes)) else "_"
        if not popped:
            return f"for {element} in {modules}:"
        stacks = ", ".join(f"reversed({stack})" for stack in popped.values())
        return f"for {', '.join([element, *popped])} in zip({modules}, {stacks}, strict=True):"


def _unpacked(names: list[str], text: str) -> str:
    """An assignment to several variables, a line each where one line cannot hold them."""
    targets = f"{', '.join(names)} = "
    if INDENT + len(targets) + text.find("(") + 1 <= WIDTH:
        return call(targets, *_split(text), INDENT)
    lines = "".join(f"{' ' * (INDENT + 4)}{name},\n" for name in names)
    return f"(\n{lines}{' ' * INDENT}" + call(") = ", *_split(text), INDENT)


def _split(text: str) -> tuple[str, list[str]]:
    """Split "head(arguments)" at its outermost call, arguments kept as one."""
    head, _, rest = text.partition("(")
    return head, [rest[:-1]] if rest.endswith(")") and rest[:-1] else []


def _wrapped(text: str) -> str:
    """Break a long assignment or return after its outermost opening parenthesis, or put it in parentheses."""
    left, separator, right = (
        text.partition(" = ") if " = " in text else ("return", " ", text.removeprefix("return "))
    )
    pad = " " * (INDENT + 4)
    head, arguments = _split(right)
    if (
        right.endswith(")")
        and arguments
        and head.replace(".", "").replace("_", "").isalnum()
        and _balanced(arguments[0])
    ):
        return f"{left}{separator}{head}(\n{pad}{arguments[0]}\n{' ' * INDENT})"
    return f"{left}{separator}(\n{pad}{right}\n{' ' * INDENT})"


def _spliced(template: str, texts: dict[str, str]) -> str:
    """Where a template unpacks a list that is written out, put the items themselves: [*[a, b], c] is [a, b, c]."""
    for port, text in texts.items():
        if (
            f"*{{{port}}}" in template
            and text.startswith("[")
            and text.endswith("]")
            and _balanced(text[1:-1])
        ):
            template = template.replace(f"*{{{port}}}", f"{{{port}}}")
            texts[port] = text[1:-1]
    return template


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return False
    return depth == 0
