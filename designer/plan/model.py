"""What the templates print: classes, lines and copied sources, all decided."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

WIDTH = 110


@dataclass(frozen=True)
class Line:
    """One logical line of code (it may hold line breaks) and the node it comes from, "Definition/node"."""

    text: str
    node: str = ""


@dataclass(frozen=True)
class Argument:
    """A constructor argument: name, annotation, default source ("" for none)."""

    name: str
    annotation: str
    default: str = ""
    help: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.annotation}" + (f" = {self.default}" if self.default else "")


@dataclass
class ClassPlan:
    """One definition as one class."""

    name: str
    definition: str
    doc: list[str]
    arguments: list[Argument] = field(default_factory=list)
    init: list[Line] = field(default_factory=list)
    initialize: list[Line] = field(default_factory=list)
    forward_arguments: list[str] = field(default_factory=list)
    returns: str = "Tensor"
    forward_doc: list[str] = field(default_factory=list)
    forward: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """The code of one block, copied."""

    name: str
    text: str


@dataclass
class Plan:
    """A whole model file."""

    title: str
    doc: list[str]
    design_hash: str
    sources: list[Source]
    classes: list[ClassPlan]
    main: str
    state: Callable[[], Iterator[tuple[str, tuple[int, ...]]]]


def call(prefix: str, head: str, arguments: list[str], indent: int, tail: str = "") -> str:
    """Return `prefix head(arguments) tail` as the formatter lays it out, at an indentation of `indent` spaces."""
    one = f"{prefix}{head}({', '.join(arguments)}){tail}"
    if indent + len(one) <= WIDTH or not arguments:
        return one
    pad, inner = " " * indent, " " * (indent + 4)
    joined = ", ".join(arguments)
    if len(inner) + len(joined) <= WIDTH:
        return f"{prefix}{head}(\n{inner}{joined}\n{pad}){tail}"
    return f"{prefix}{head}(\n" + "".join(f"{inner}{one},\n" for one in arguments) + f"{pad}){tail}"


Construction = tuple[str, list[str]]  # class and arguments


def module_list(prefix: str, built: list[Construction], choices: list[str], loop: str, indent: int) -> str:
    """Return `prefix nn.ModuleList(element loop)` laid out as the formatter does.

    With several constructions the element is `A(…) if choice else B(…)`.
    """
    elements = [f"{head}({', '.join(arguments)})" for head, arguments in built]
    element = (
        "".join(f"{one} if {choice} else " for one, choice in zip(elements, choices, strict=False))
        + elements[-1]
    )
    one = f"{prefix}nn.ModuleList({element} {loop})"
    if indent + len(one) <= WIDTH:
        return one
    inner = indent + 4
    pad = " " * inner
    if inner + len(element) + 1 + len(loop) <= WIDTH:
        body = f"{element} {loop}"
    elif inner + len(element) <= WIDTH or not choices:
        body = (element if inner + len(element) <= WIDTH else call("", *built[-1], inner)) + f"\n{pad}{loop}"
    else:
        lines = [call("", *built[0], inner)]
        lines += [
            f"if {choice}\n{pad}else {call('', *other, inner)}"
            for choice, other in zip(choices, built[1:], strict=True)
        ]
        body = f"\n{pad}".join([*lines, loop])
    return f"{prefix}nn.ModuleList(\n{pad}{body}\n{' ' * indent})"
