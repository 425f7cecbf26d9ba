"""The constructor of a class: one line for each node that holds state, and its special initialisation."""

from dataclasses import dataclass, field

from designer import expressions
from designer.plan.model import Line, call, module_list
from designer.plan.texts import python_source
from designer.plan.variants import Variant
from designer.shapes.frame import Call
from designer.spec import BlockSpec

INDENT = 8


@dataclass
class Site:
    """A node as the class will construct and call it."""

    call: Call
    owner: str
    texts: dict[str, str]  # grammar text of each argument
    attribute: str  # attribute that holds the module
    variants: list[Variant] = field(default_factory=list)  # classes that a definition's call constructs
    choices: list[str] = field(default_factory=list)  # for all but the last class: the condition on i
    classes: list[tuple[str, set[str]]] = field(default_factory=list)  # name and arguments of each class
    condition: str = ""  # Python source; "" when always active
    count: str = ""  # Python source of the repeat count
    built: bool = True  # False when another node of the same instance constructs it
    attributes: dict[str, str] = field(default_factory=dict)  # parameters read in forward
    reads: list[str] = field(default_factory=list)  # connected inputs that it takes

    @property
    def place(self) -> str:
        """The node's full name."""
        return f"{self.owner}/{self.call.node.id}"

    @property
    def stateful(self) -> bool:
        """Whether the node is a module, rather than a function of its inputs."""
        return not isinstance(self.call.target, BlockSpec) or self.call.target.kind in ("module", "torch")

    @property
    def identity_when_off(self) -> bool:
        """Whether nn.Identity can stand in for the module when its condition is false."""
        return self.stateful and len(self.reads) == 1 and len(self.call.target.outputs) == 1

    def indexed(self, name: str) -> bool:
        """Whether an argument differs between the iterations of a repeat."""
        return bool(self.count) and "i" in expressions.names(self.texts[name])

    def source(self, name: str) -> str:
        """Return the Python source of an argument."""
        return python_source(self.texts[name], self.count)


def constructor_lines(site: Site) -> list[Line]:
    """Return the lines of __init__ for one node."""
    if not site.stateful:
        return _plain_attributes(site)
    if not site.built:
        return []
    built = _constructions(site)
    head, arguments = built[-1]
    prefix = f"self.{site.attribute} = "
    if site.count:
        kept = [text for name, text in site.texts.items() if _is_given(site, name)]
        texts = [*kept, *site.choices]
        variable = "i" if any("i" in expressions.names(text) for text in texts) else "_"
        loop = f"for {variable} in range({site.count})"
        text = module_list(prefix, built, site.choices, loop, INDENT)
    elif site.condition:
        off = "nn.Identity()" if site.identity_when_off else "None"
        text = _conditional(prefix, head, arguments, site.condition, off)
    else:
        text = call(prefix, head, arguments, INDENT)
    return [Line(text, site.place)]


def _is_given(site: Site, name: str) -> bool:
    """Whether the call's constructor takes this argument; classes leave out those that they do not read."""
    return not site.classes or any(name in kept for _, kept in site.classes)


def _conditional(prefix: str, head: str, arguments: list[str], condition: str, off: str) -> str:
    one = call(prefix, head, arguments, 0, f" if {condition} else {off}")
    if INDENT + len(one) <= 110 and "\n" not in one:
        return one
    pad = " " * (INDENT + 4)
    element = call("", head, arguments, INDENT + 4)
    rest = f"if {condition} else {off}"
    if "\n" not in element and INDENT + 4 + len(element) + 1 + len(rest) <= 110:
        return f"{prefix}(\n{pad}{element} {rest}\n{' ' * INDENT})"
    return f"{prefix}(\n{pad}{element}\n{pad}if {condition}\n{pad}else {off}\n{' ' * INDENT})"


def _plain_attributes(site: Site) -> list[Line]:
    lines = []
    for name, attribute in site.attributes.items():
        source = site.source(name)
        if site.indexed(name):
            source = f"[{source} for i in range({site.count})]"
        lines.append(Line(f"self.{attribute} = {source}", site.place))
    if site.count:
        lines.append(Line(f"self.{site.attribute}_count = {site.count}", site.place))
    if site.condition:
        lines.append(Line(f"self.use_{site.attribute} = {site.condition}", site.place))
    return lines


def _constructions(site: Site) -> list[tuple[str, list[str]]]:
    """The class and the arguments of each construction; several only for a repeat of differing blocks."""
    target = site.call.target
    if isinstance(target, BlockSpec):
        return [(target.target, _block_arguments(site, target))]
    return [(name, _definition_arguments(site, kept)) for name, kept in site.classes]


def _definition_arguments(site: Site, kept: set[str]) -> list[str]:
    """Two sizes in order read well, and so does what has the same name on both sides; beyond that, names."""
    arguments, in_order = list[str](), True
    for index, name in enumerate(name for name in site.texts if name in kept):
        source = site.source(name)
        in_order = index < 2 or (in_order and source == name)
        arguments.append(source if in_order else f"{name}={source}")
    return arguments


def _block_arguments(site: Site, spec: BlockSpec) -> list[str]:
    arguments: list[str] = []
    for param in spec.params:
        if param.structural:
            continue
        text = site.source(param.name)
        if spec.kind == "torch" and param.type == "list" and text.startswith("["):
            text = f"({text[1:-1]})"  # torch's layers take tuples
        if param.positional:
            arguments.append(text)
            continue
        omit = param.default if param.omit == "default" else param.omit
        if omit is None or text != python_source(repr(omit)):
            arguments.append(f"{param.name}={text}")
    return arguments
