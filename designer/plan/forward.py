"""The forward method: each node a call, short chains written in one line, loops for repeats."""

from dataclasses import dataclass, field
from functools import cached_property

from designer.document import Definition
from designer.plan.constructor import Site
from designer.plan.expression import Expression, apply, balanced, is_composite, listed, module_call
from designer.plan.known import first_assignments, is_known
from designer.plan.model import WIDTH, Line, call
from designer.plan.variables import Variables
from designer.shapes.repeat import carried
from designer.shapes.values import Stack

INDENT = 8
INLINE_WIDTH = 92  # longer expressions get a line of their own
INLINE_DEPTH = 5


@dataclass
class ForwardPlan:
    """Lines of forward, in the making."""

    definition: Definition
    sites: dict[str, Site]
    comments: dict[str, str] = field(default_factory=dict)  # endpoint → shape comment
    lines: list[Line] = field(default_factory=list)
    written: list[tuple[str, tuple[str, ...], str]] = field(
        default_factory=list
    )  # lines before they are laid out

    def __post_init__(self) -> None:
        self.variables = Variables(self.definition, self.sites)

    def _settle(self, endpoint: str) -> Expression:
        """Give a pending value a variable; return the expression that reads it."""
        if endpoint in self.variables.pending:
            expression = self.variables.pending.pop(endpoint)
            self._assign(endpoint, expression)
        return self.variables.value(endpoint)

    def _assign(self, endpoint: str, expression: Expression) -> None:
        self.variables.consume(expression)
        if expression.text in self.variables.held.values():  # a value passed on needs no second name
            self.variables.held[endpoint] = expression.text
            return
        name = self.variables.name(endpoint)
        self.variables.held[endpoint] = name
        text = f"{name} = {expression.text}"
        self._emit(text, expression.nodes, endpoint)

    def _emit(self, text: str, nodes: tuple[str, ...], endpoint: str = "") -> None:
        self.lines.append(self._line(text, nodes, endpoint))
        self.written.append((text, nodes, endpoint))

    def _line(self, text: str, nodes: tuple[str, ...], endpoint: str = "") -> Line:
        comment = self.comments.get(endpoint, "")
        if INDENT + len(text) > WIDTH and "\n" not in text:
            text = _wrapped(text)
        if comment and "\n" not in text and INDENT + len(text) + len(comment) + 5 <= WIDTH:
            text = f"{text}  # {comment}"
        places = list(dict.fromkeys(f"{self.definition.name}/{node}" for node in nodes))
        return Line(text, " ".join(places))

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
        values = [self.variables.value(endpoint) for endpoint in self.variables.results]
        if len(values) > 1 and sum(len(value.text) for value in values) > INLINE_WIDTH:
            values = [self._settle(endpoint) for endpoint in self.variables.results]
        if len(values) == 1:
            values = [self._tensor(values[0])]
        nodes = tuple(node for value in values for node in value.nodes)
        self._emit(_returned([value.text for value in values]), nodes)
        return self.lines

    def _tensor(self, value: Expression) -> Expression:
        """Return the result as a value whose type is known to checkers: a call of a module has type Any."""
        inputs = {port.name for port in self.definition.inputs if not port.stack}
        arguments = (port.name for port in self.definition.inputs)
        first = first_assignments(
            [text for text, _, _ in self.written], (*arguments, *self.variables.functions)
        )
        if is_known(value.text, (name for name, (_, known) in first.items() if known)):
            return value
        port = self.definition.outputs[0]
        annotation = "list[Tensor]" if port.stack else "Tensor"
        if value.text in first:
            self._annotate(value.text, first[value.text][0], annotation)
            return value
        self.variables.consume(value)
        name, own = port.name, self.variables.name(self.variables.results[0])
        if name not in inputs and own in inputs and self.variables.is_spatial(self.variables.results[0]):
            name = own
        if name in inputs and not port.stack:
            self._emit(f"{name} = {value.text}", value.nodes)
        elif name in first and name not in self.variables.reserved and not port.stack:
            self._annotate(name, first[name][0], annotation)
            self._emit(f"{name} = {value.text}", value.nodes)
        else:
            taken = self.variables.reserved | first.keys()
            name = self.variables.fresh(name, taken) if name in taken else name
            self._emit(f"{name}: {annotation} = {value.text}", value.nodes)
        return Expression(name)

    def _annotate(self, name: str, index: int, annotation: str) -> None:
        """State the type of a variable where it is first assigned."""
        text, nodes, endpoint = self.written[index]
        if text.startswith(f"{name} = "):
            text = f"{name}: {annotation}{text.removeprefix(name)}"
            self.lines[index] = self._line(text, nodes, endpoint)
        else:  # one of several targets, which take no annotation
            self.lines.insert(index, self._line(f"{name}: {annotation}", nodes))

    def _arguments(self, node: str, site: Site, force: bool = False) -> dict[str, Expression]:
        ports = [
            port.name for port in site.call.target.inputs if f"{node}.{port.name}" in self.variables.sources
        ]
        ends = {port: self.variables.sources[f"{node}.{port}"] for port in ports}
        values = {
            port: self._settle(end) if force else self.variables.value(end) for port, end in ends.items()
        }
        # Settle the longest chains until the call fits on a readable line.
        while True:
            expression = apply(node, site, values)
            chains = [port for port, end in ends.items() if end in self.variables.pending]
            nested = [port for port in chains if values[port].composite and is_composite(site)]
            short = len(expression.text) <= INLINE_WIDTH and expression.depth <= INLINE_DEPTH
            if not chains or (short and not nested):
                return values
            longest = max(nested or chains, key=lambda port: len(values[port].text))
            values[longest] = self._settle(ends[longest])

    def _simple(self, node: str, site: Site) -> None:
        expression = apply(node, site, self._arguments(node, site))
        outputs = [port.name for port in site.call.target.outputs]
        ends = [f"{node}.{port}" for port in outputs]
        if len(ends) == 1:
            for read in self._inputs(node):
                self.variables.pending.pop(read, None)
            if self.variables.remaining[ends[0]] == 1:
                self.variables.pending[ends[0]] = expression
            else:
                self._assign(ends[0], expression)
            return
        for read in self._inputs(node):
            self.variables.pending.pop(read, None)
        self.variables.consume(expression)
        names = []
        for end in ends:
            unused = self.variables.remaining[end] == 0
            self.variables.held[end] = "_" if unused else self.variables.name(end)
            names.append(self.variables.held[end])
        self._emit(_unpacked(names, expression.text), expression.nodes)

    def _inputs(self, node: str) -> list[str]:
        return self._reads.get(node, [])

    @cached_property
    def _reads(self) -> dict[str, list[str]]:
        """What each node reads."""
        found: dict[str, list[str]] = {}
        for target, source in self.variables.sources.items():
            found.setdefault(target.partition(".")[0], []).append(source)
        return found

    def _optional(self, node: str, site: Site) -> None:
        """A node that may be absent and cannot be an identity module: guarded by an if."""
        values = self._arguments(node, site, force=True)
        expression = apply(node, site, values)
        first = next(iter(values.values()))
        end = f"{node}.{site.call.target.outputs[0].name}"
        self.variables.consume(expression)
        name = self.variables.name(end)
        self.variables.held[end] = name
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
        ends = {port: self.variables.sources[f"{node}.{port}"] for port in site.reads}
        values = {port: self._settle(end) for port, end in ends.items()}
        for end in ends.values():
            self.variables.remaining[end] -= 1
        inputs = {port.name: port for port in call_.target.inputs}
        names: dict[str, str] = {}
        for output, link in links.items():
            names[link] = self._carry(node, f"{node}.{output}", values[link])
        history = self._histories(node, site)
        element = "layer" if not site.attribute.endswith("s") else site.attribute[:-1] or "layer"
        element = element if element not in self.variables.taken() else f"{element}_module"
        popped = [port for port in ends if self._is_popped(inputs[port].stack, call_.inputs[port])]
        items = {port: self._item(values[port].text) for port in popped}
        self._emit(self._header(site, element, {items[port]: values[port].text for port in popped}), (node,))
        given = {port: names.get(port) or items.get(port) or values[port].text for port in ends}
        outputs = [port.name for port in call_.target.outputs]
        targets = [names[links[one]] if one in links else f"{one}_item" for one in outputs]
        text = module_call(site, element, list(given.values()))
        if not site.stateful:
            text = apply(node, site, {port: Expression(one) for port, one in given.items()}).text
        self._emit(f"    {', '.join(targets)} = {text}", (node,))
        for output, variable in history.items():
            self._emit(f"    {variable}.append({targets[outputs.index(output)]})", (node,))
        for output, link in links.items():
            self.variables.held[f"{node}.{output}"] = names[link]

    @staticmethod
    def _is_popped(takes_stack: bool, value: object) -> bool:
        return isinstance(value, Stack) and not takes_stack

    def _carry(self, node: str, end: str, value: Expression) -> str:
        """The variable that the loop overwrites; a value still needed elsewhere is kept."""
        if value.text not in self.variables.taken():
            return value.text
        name = self.variables.telling(node, end, self.variables.taken())
        name = (
            name if name not in self.variables.taken() else self.variables.fresh(name, self.variables.taken())
        )
        self._emit(f"{name} = {value.text}", (node,))
        self.variables.held[end] = name
        return name

    def _histories(self, node: str, site: Site) -> dict[str, str]:
        found: dict[str, str] = {}
        for port in site.call.target.outputs:
            end = f"{node}.{port.name}[]"
            if self.variables.remaining[end] > 0:
                name = "hidden" if "hidden" not in self.variables.taken() else f"{node}_{port.name}s"
                self.variables.held[end] = name
                found[port.name] = name
                self._emit(f"{name}: list[Tensor] = []", (node,))
        return found

    def _item(self, stack: str) -> str:
        name = stack[:-1] if stack.endswith("s") and stack != "s" else f"{stack}_item"
        return name if name not in self.variables.taken() else f"{name}_item"

    @staticmethod
    def _header(site: Site, element: str, popped: dict[str, str]) -> str:
        modules = f"self.{site.attribute}" if site.stateful else f"range(self.{site.attribute}_count)"
        if not site.stateful:
            element = "i" if any(map(site.indexed, site.attributes)) else "_"
        if not popped:
            return f"for {element} in {modules}:"
        stacks = ", ".join(f"reversed({stack})" for stack in popped.values())
        return f"for {', '.join([element, *popped])} in zip({modules}, {stacks}, strict=True):"


def _returned(texts: list[str]) -> str:
    """A return statement, a line each for several values that one line cannot hold."""
    one = f"return {', '.join(texts)}"
    if len(texts) == 1 or INDENT + len(one) <= WIDTH:
        return one
    return "return (\n" + "".join(f"{' ' * (INDENT + 4)}{text},\n" for text in texts) + f"{' ' * INDENT})"


def _unpacked(names: list[str], text: str) -> str:
    """An assignment to several variables, a line each where one line cannot hold them."""
    targets = f"{', '.join(names)} = "
    if INDENT + len(targets) + text.find("(") + 1 <= WIDTH:
        return call(targets, *_split(text), INDENT)
    lines = "".join(f"{' ' * (INDENT + 4)}{name},\n" for name in names)
    return f"(\n{lines}{' ' * INDENT}" + call(") = ", *_split(text), INDENT)


def _split(text: str) -> tuple[str, list[str]]:
    """Split "head(arguments)" at its outermost call; what follows a first call stays one argument."""
    head, _, rest = text.partition("(")
    if not rest.endswith(")") or not rest[:-1]:
        return head, []
    return head, listed(rest[:-1]) if balanced(rest[:-1]) else [rest[:-1]]


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
        and all(map(balanced, arguments))
    ):
        return call(f"{left}{separator}", head, arguments, INDENT)
    start = _last_call(right)
    if start and INDENT + len(left + separator) + start <= WIDTH:
        return call(f"{left}{separator}", right[: start - 1], listed(right[start:-1]), INDENT)
    return f"{left}{separator}(\n{pad}{right}\n{' ' * INDENT})"


def _last_call(text: str) -> int:
    """Where the arguments begin in `a + call(arguments)`; 0 for more than one operator, or another end."""
    depth, operators, start = 0, 0, 0
    for index, character in enumerate(text):
        if depth == 0 and character == "(":
            start = index + 1
        depth += (character in "([{") - (character in ")]}")
        operators += depth == 0 and character in "+-*/" and text[index - 1] == " "
    return (
        start if operators == 1 and text.endswith(")") and text[start:-1] and balanced(text[start:-1]) else 0
    )
