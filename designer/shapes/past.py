"""What earlier checks found, kept so that an edit costs what it changes.

The walk through a definition is a function of the definition, its parameter values, the shapes that arrive, the
parameters of the design that its texts read, and of what its nodes call. A `Trace` holds all that beside what the walk
found, so a later walk takes a trace for its own where each of these is the same, definitions by identity (the reader
gives the same object for the same text): then it repeats what the trace did, requirement by requirement and call
by call, as the full walk would, and only the arithmetic is saved. Where a definition or what it calls did change, the
calls in it that are as they were, on the same inputs, are taken from the last walk through a definition of its name.
A definition in which anything was reported is never kept, so every problem is found anew and none is stale; where a
limit is reached, the design is walked anew.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from designer import expressions
from designer.dims import Size
from designer.document import Definition, Node
from designer.expressions import ExpressionError
from designer.kept import kept
from designer.recent import Recent
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.implicit import evaluated_texts
from designer.shapes.values import Value
from designer.spec import BlockSpec

Target = Definition | BlockSpec | None
Need = tuple[Size, str, Size, str]  # left, relation, right, reason
MAX_CALLS = 10_000  # of nodes, in all traces together
MAX_BLOCKS = 20_000
MAX_DEFINITIONS = 2_000


class LimitError(Exception):
    """A walk that repeats traces would go beyond a limit; the full walk says where."""


@dataclass
class Trace:
    """One walk through a definition: what it was given, what it read, what it did in order, what came out."""

    key: Hashable
    frame: Frame
    reads: dict[str, Target] = field(default_factory=dict)  # what each name was that a node calls
    steps: list[tuple[str, "Need | Trace"]] = field(
        default_factory=list
    )  # node, and what it required or entered
    iterations: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # of iterations, by node
    clean: bool = True  # whether nothing was reported, here or below
    scope: Hashable = ()  # the parameters of the design that its texts read

    def call(self, node: Node, target: Target, inputs: Mapping[str, Value], useful: bool) -> Call | None:
        """Return what this walk found of a node, where it was the same call on the same inputs."""
        call = self.frame.calls.get(node.id)
        if call is None or call.target is not target or call.inputs != inputs:
            return None
        if call.node is not node and _content(call.node) != _content(node):
            return None
        if (node.id in self.frame.definition.useful) != useful:
            return None
        return call if call.node is node else replace(call, node=node)

    @cached_property
    def steps_of(self) -> Mapping[str, list["Need | Trace"]]:
        """What each node required and entered."""
        found: dict[str, list[Need | Trace]] = {}
        for node, step in self.steps:
            found.setdefault(node, []).append(step)
        return found

    def all_below(self, known: Mapping[Hashable, "Trace"]) -> "Iterator[Trace]":
        """Yield this trace and, once each, those below it, but none below one that is known."""
        todo, seen = [self], set[int]()
        while todo:
            one = todo.pop()
            if id(one) not in seen:
                seen.add(id(one))
                yield one
                if known.get(one.key) is not one:
                    todo += [step for _, step in one.steps if isinstance(step, Trace)]


@dataclass(frozen=True)
class Made:
    """What a block made of parameters and inputs, and what it required of symbolic sizes; None where it failed."""

    spec: BlockSpec  # held, since keys name it by identity
    iteration: Iteration | None
    needs: tuple[Need, ...]


class Past:
    """What may be asked again: definitions as they were read, walks through them without problems, calls of blocks."""

    def __init__(self) -> None:
        self.definitions: Recent[Definition] = Recent(MAX_DEFINITIONS)
        self.traces: Recent[Trace] = Recent(MAX_CALLS, lambda trace: len(trace.frame.calls) + 1)
        self.latest: Recent[Trace] = Recent(MAX_CALLS, lambda trace: len(trace.frame.calls) + 1)
        self.blocks: Recent[Made] = Recent(MAX_BLOCKS)


@kept
def _content(node: Node) -> Hashable:
    return node.call, frozen(node.params), repr(node.repeat), node.when


def scope_of(definition: Definition, design: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return all that a walk through a definition can read of the design's parameters."""
    return frozen({name: design[name] for name in sorted(_names(definition) & design.keys())})


@kept
def _names(definition: Definition) -> frozenset[str]:
    names: set[str] = set()
    for text in evaluated_texts(definition):
        try:
            names |= expressions.names(text)
        except ExpressionError:
            continue  # has no value: plain text, or a problem
    return frozenset(names)


def frozen(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return values as a key that tells 1, 1.0 and True apart."""
    return tuple((name, _hashable(value)) for name, value in values.items())


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return frozen(value)
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, float):
        return (float, repr(value))
    return (bool, value) if isinstance(value, bool) else value
