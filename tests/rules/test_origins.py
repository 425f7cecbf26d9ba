"""Errors at their origin: k faults in k definitions are k diagnostics, each at its own node, and nothing follows from them."""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from designer.catalogue import catalogue
from designer.check import check
from designer.document import to_json
from designer.presets import presets
from designer.reader import read_design

TINY = [preset.id for preset in presets() if "tiny" in preset.id]
DOCUMENTS = {preset.id: to_json(preset.design) for preset in presets() if preset.id in TINY}
Json = dict[str, Any]


def _rename(definition: Json, node: str) -> str:
    definition["nodes"][node]["call"] = "NoSuchBlock"
    return "S002"


def _give(definition: Json, node: str) -> str:
    definition["nodes"][node].setdefault("params", {})["no_such_parameter"] = 1
    return "S004"


def _exceed(definition: Json, node: str) -> str:
    spec = catalogue()[definition["nodes"][node]["call"]]
    param = next(
        one for one in spec.params if one.type == "int" and one.minimum is not None and not one.choices
    )
    definition["nodes"][node].setdefault("params", {})[param.name] = int(param.minimum or 0) - 7
    return "S005"


def _cut(definition: Json, node: str) -> str:
    port = catalogue()[definition["nodes"][node]["call"]].inputs[0].name
    definition["edges"] = [edge for edge in definition["edges"] if edge[1] != f"{node}.{port}"]
    return "S001"


FAULTS: tuple[Callable[[Json, str], str], ...] = (_rename, _give, _exceed, _cut)


def _blocks(document: Json, definition: str, fault: Callable[[Json, str], str]) -> Iterator[str]:
    """Yield the block calls of a definition that the fault can be put into and that always run."""
    for name, node in document["definitions"][definition]["nodes"].items():
        spec = catalogue().get(node["call"])
        if spec is None or not spec.inputs or "when" in node or "repeat" in node or spec.inputs[0].optional:
            continue
        bounded = any(
            one.type == "int" and one.minimum is not None and not one.choices for one in spec.params
        )
        if fault is not _exceed or bounded:
            yield name


def _faulty(document: Json, rng: random.Random) -> tuple[Json, set[tuple[str, str]]]:
    """Put up to four faults into as many definitions; return what is to be found."""
    broken, expected = copy.deepcopy(document), set[tuple[str, str]]()
    names = list(broken["definitions"])
    for name in rng.sample(names, min(4, len(names))):
        fault = rng.choice(FAULTS)
        nodes = list(_blocks(broken, name, fault))
        if nodes:
            node = rng.choice(nodes)
            expected.add((fault(broken["definitions"][name], node), f"{name}/{node}"))
    return broken, expected


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("preset", TINY)
def test_every_fault_is_found_at_its_node_and_no_other(preset: str, seed: int) -> None:
    document, expected = _faulty(DOCUMENTS[preset], random.Random(f"{preset}{seed}"))
    found = [one for one in check(read_design(document)).diagnostics if one.severity == "error"]
    assert {(one.code, one.node) for one in found} == expected, [
        (one.code, one.node, one.message) for one in found
    ]


@pytest.mark.parametrize("preset", TINY)
def test_an_error_says_by_which_calls_it_is_reached(preset: str) -> None:
    document, _ = _faulty(DOCUMENTS[preset], random.Random(preset))
    design = read_design(document)
    for one in (one for one in check(design).diagnostics if one.severity == "error" and one.path):
        definition = design.main_definition
        for name in one.path[:-1]:
            node = definition.nodes[name]
            if node.call not in design.definitions:
                return  # a socket: what fills it stands at the call outside
            definition = design.definitions[node.call]
        assert one.node == f"{definition.name}/{one.path[-1]}"
