"""One definition, one class; a definition whose sockets or names are filled differently becomes several.

Parameters of type str and block choose code rather than sizes, so calls that differ in them are different
classes. So are calls whose inferred arguments differ in a way that no parameter expresses (`splits`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from designer.document import Definition, Design
from designer.errors import UserError
from designer.shapes.frame import STATIC, Frame

Splits = dict[str, set[tuple[str, str]]]  # definition → nodes and their parameters that decide the class


@dataclass
class Variant:
    """A class in the making: its name, the frames that it serves, the parameters that are fixed in it."""

    definition: Definition
    name: str
    frames: list[Frame] = field(default_factory=list)
    static: dict[str, Any] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)  # what forward takes: the inputs that reach an output

    @property
    def live(self) -> frozenset[str]:
        """The nodes whose values reach an output at some call."""
        return frozenset().union(*(frame.live for frame in self.frames))


def live_frames(frame: Frame) -> Iterator[Frame]:
    """Yield the frame and, once each, those below it through calls that lead to an output."""
    seen: set[int] = set()
    todo = [frame]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo.extend(inner_frames(one))


def inner_frames(frame: Frame) -> Iterator[Frame]:
    """Yield the frames of the calls that lead to an output."""
    for name in frame.definition.order:
        if name in frame.live and name in frame.calls:
            yield from (one.frame for one in frame.calls[name].iterations if one.frame is not None)


def find_variants(
    design: Design, main: Frame, splits: Splits, taken: set[str]
) -> tuple[list[Variant], dict[int, Variant]]:
    """Return the classes of a design, callees first, and the class of each live frame by its id.

    `taken` are names of the file that no class may have.
    """
    import networkx as nx

    frames: dict[str, list[Frame]] = {}
    calls: nx.DiGraph[str] = nx.DiGraph()
    calls.add_node(main.definition.name)
    for frame in live_frames(main):
        frames.setdefault(frame.definition.name, []).append(frame)
        calls.add_edges_from((frame.definition.name, inner.definition.name) for inner in inner_frames(frame))
    position = {name: index for index, name in enumerate(reversed(list(design.definitions)))}
    order = reversed(list(nx.lexicographical_topological_sort(calls, key=position.__getitem__)))
    found: list[Variant] = []
    by_frame: dict[int, Variant] = {}
    for definition in (design.definitions[name] for name in order):
        groups: dict[Any, Variant] = {}
        for frame in frames.get(definition.name, ()):
            static = {n: frame.params[n] for n, p in definition.parameters.items() if p.type in STATIC}
            optional = tuple(port.name in frame.reads for port in definition.inputs if port.optional)
            split = _split_key(frame, splits.get(definition.name, set()), by_frame)
            variant = groups.setdefault(
                (tuple(static.items()), optional, split), Variant(definition, "", static=static)
            )
            variant.frames.append(frame)
            variant.inputs |= frame.reads
            by_frame[id(frame)] = variant
        _name(definition, list(groups.values()))
        found.extend(groups.values())
    by_frame[id(main)].inputs.update(port.name for port in main.definition.inputs)
    _share_inputs(found, by_frame)
    _unique_names(found, taken)
    return found, by_frame


def _share_inputs(variants: list[Variant], by_frame: Mapping[int, Variant]) -> None:
    """Classes that one loop calls take the same inputs: those that any of them reads."""
    for variant in reversed(variants):  # callers first: what they take more, the others may have to hand on
        for name in variant.live:
            sites = [frame for frame in variant.frames if name in frame.live and name in frame.calls]
            iterations = [one for frame in sites for one in frame.calls[name].iterations if one.frame]
            inner = [by_frame[id(one.frame)] for one in iterations]
            union: set[str] = set().union(*(one.inputs for one in inner))
            for one in inner:
                one.inputs |= union
    for variant in variants:
        for frame in variant.frames:
            for name in frame.live & frame.calls.keys():
                _refuse_missing(frame, name, by_frame)


def _refuse_missing(frame: Frame, node: str, by_frame: Mapping[int, Variant]) -> None:
    """Raise UserError where a class takes an input for the sake of another loop and this call has none to give."""
    given = set(frame.read_ports(node))
    for iteration in frame.calls[node].iterations:
        inner = by_frame[id(iteration.frame)] if iteration.frame else None
        missing = inner.inputs - given if inner else set()
        if inner and missing:
            raise UserError(
                f"{frame.definition.name}/{node}: {inner.definition.name} is called here without "
                f"{', '.join(sorted(missing))} and elsewhere in one loop with a class that needs it; "
                "give the two calls definitions of their own"
            )


def _split_key(frame: Frame, splits: set[tuple[str, str]], by_frame: Mapping[int, Variant]) -> Any:
    """What distinguishes the frame at the nodes where arguments could not be expressed."""
    key: list[Any] = []
    for node, parameter in sorted(splits):
        call = frame.calls.get(node)
        for iteration in call.iterations if call else ():
            inner = by_frame.get(id(iteration.frame))
            key.append(str(iteration.params.get(parameter)) if parameter else id(inner))
    return tuple(key)


def _name(definition: Definition, variants: list[Variant]) -> None:
    """The variant with default choices keeps the definition's name; the others say what is different."""
    differing = _telling(variants, [n for n in definition.parameters if n in variants[0].static])
    for variant in variants:
        chosen = [str(variant.static[name]) for name in differing]
        usual = [str(definition.parameters[name].default) for name in differing]
        suffix = "" if chosen == usual else "".join(_camel(one) for one in chosen)
        variant.name = f"{definition.name}{suffix}"


def _telling(variants: list[Variant], names: list[str]) -> list[str]:
    """The fewest choices, in the order of their declaration, that tell the variants apart as well as all do."""

    def kinds(chosen: list[str]) -> int:
        return len({tuple(str(variant.static[name]) for name in chosen) for variant in variants})

    every, found = kinds(names), list[str]()
    single = next((name for name in names if kinds([name]) == every), None)
    if single is not None:
        return [single] if every > 1 else []
    for name in names:
        if kinds([*found, name]) > kinds(found):
            found.append(name)
    return found


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W+|_", text) if part)


def _unique_names(variants: list[Variant], taken: set[str]) -> None:
    for variant in variants:
        name, number = variant.name, 2
        while name in taken:
            name = f"{variant.name}{number}"
            number += 1
        taken = taken | {name}
        variant.name = name
