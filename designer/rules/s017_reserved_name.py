"""S017: reserved name."""

import builtins
import keyword
from collections import ChainMap
from collections.abc import Iterable, Iterator

from designer.diagnostics import Diagnostic
from designer.document import Definition
from designer.kept import kept
from designer.names import GLOBALS, MODULE_ATTRIBUTES
from designer.rules import Rule, RuleContext, examples

RULE = Rule(
    code="S017",
    title="Reserved name",
    severity="error",
    family="structure",
    what="A definition, node, parameter, input or output has a name that Python or torch.nn.Module needs itself.",
    why="Names of a design become names in its code: a node called forward would replace the forward method.",
    example="A node called class, train or forward; a definition called nn; a parameter called self.",
    instead="Choose another name, such as the same one with a word before or an underscore after it.",
)

_WORDS = GLOBALS | frozenset(dir(builtins))


_ELSEWHERE = "the code refers to something else by this name"
_GLOBAL = dict.fromkeys(GLOBALS, _ELSEWHERE)
_ATTRIBUTE = dict.fromkeys(MODULE_ATTRIBUTES, "torch.nn.Module has an attribute of this name")
_PYTHON = dict.fromkeys(_WORDS, "Python has something else of this name")
_LOOP = {"i": "it is the index of a repeat", "L": "it is the count of a repeat"}
_ALWAYS = frozenset((*_PYTHON, *_GLOBAL, *_ATTRIBUTE, *_LOOP, *keyword.kwlist))


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare each name that becomes a name in the code with what the code needs."""
    for definition in context.design.reachable():
        if not _may_clash(context, definition):
            continue
        for kind, name, reason in _problems(context, definition):
            node = f"{definition.name}/{name}" if kind == "node" else definition.name
            message = f"{kind} {name!r}: {reason}; choose another name, such as {name.strip('_') + '_'!r}"
            port = "" if kind in ("node", "definition") else name
            yield Diagnostic("S017", "error", message, node, port, received=name)


def _may_clash(context: RuleContext, definition: Definition) -> bool:
    """Whether a name is taken, by code of one kind or another; mostly none is, and the rest need not be asked."""
    taken = _taken_always(definition) or not _names(definition).isdisjoint(_called(context, definition))
    return taken or definition.name == context.design.main


@kept
def _names(definition: Definition) -> frozenset[str]:
    ports = (port.name for port in (*definition.inputs, *definition.outputs))
    return frozenset((definition.name, *definition.nodes, *definition.parameters, *ports))


@kept
def _taken_always(definition: Definition) -> bool:
    """Whether a name is taken whatever the definition calls."""
    names = _names(definition)
    return not names.isdisjoint(_ALWAYS) or any(name.startswith("__") for name in names)


def _problems(context: RuleContext, definition: Definition) -> Iterator[tuple[str, str, str]]:
    variable = ChainMap(dict.fromkeys(_called(context, definition), _ELSEWHERE), _GLOBAL)
    parameters = dict.fromkeys(definition.parameters)
    if definition.name == context.design.main:
        parameters |= dict.fromkeys(context.design.parameters)
    for kind, names, taken in (
        ("definition", [definition.name], _PYTHON),
        ("node", definition.nodes, _ATTRIBUTE),
        ("parameter", parameters, ChainMap(_LOOP, _ATTRIBUTE, *variable.maps)),
        ("input", [port.name for port in definition.inputs], variable),
        ("output", [port.name for port in definition.outputs], {}),
    ):
        for name in names:
            if keyword.iskeyword(name):
                yield kind, name, "it is a word of Python's own"
            elif name.startswith("__"):
                yield kind, name, "names with two leading underscores are Python's own"
            elif name in taken:
                yield kind, name, taken[name]


def _called(context: RuleContext, definition: Definition) -> set[str]:
    """The classes and functions by name that the code of a definition calls."""
    calls = {node.call for node in definition.nodes.values()}
    blocks = (context.blocks[name] for name in calls if name in context.blocks)
    return {spec.target for spec in blocks if spec.kind in ("module", "function")} | (
        calls & context.design.definitions.keys()
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _named("forward")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _named("refine")


def _named(name: str) -> examples.Document:
    node = {"call": "Conv2d", "params": {"out_channels": 16}}
    return examples.convolutional({name: node}, [("h.out", f"{name}.x")], f"{name}.out")
