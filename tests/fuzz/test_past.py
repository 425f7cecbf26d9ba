"""A check that remembers earlier ones gives what a check that knows nothing gives, after any sequence of edits."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designer.check import CheckReport, check
from designer.document import loads, to_json
from designer.errors import UserError
from designer.presets import build
from designer.reader import read_design
from designer.shapes.frame import Frame
from designer.shapes.past import Past
from designer.summary import summarize_frame
from tests.fuzz.damage import damage, holder_of, places

_CONV = {"call": "Conv2d", "params": {"out_channels": "width", "kernel_size": "size"}}
_PORTS = {
    "inputs": [{"name": "x", "role": "map", "shape": "B C H W"}],
    "outputs": [{"name": "out", "role": "map", "from": ["node", "out"]}],
}
# Parameters of the design read two levels down, sockets filled through a list, a repeat, a node that leads nowhere.
NESTED: dict[str, Any] = {
    "format": "diffusion-design",
    "format_version": 1,
    "name": "Nested",
    "main": "Net",
    "parameters": {"width": 8, "size": 3, "kinds": ["Inner", "Other"], "choice": 0},
    "definitions": {
        "Net": {
            **_PORTS,
            "inputs": [{"name": "x", "role": "image", "shape": "B 8 H W"}],
            "nodes": {
                "node": {"call": "Outer", "repeat": 2, "params": {"kind": "=kinds[choice]"}},
                "dead": {"call": "Outer", "params": {"kind": "Inner"}},
            },
            "edges": [["x", "node.x"], ["x", "dead.x"]],
        },
        "Outer": {
            **_PORTS,
            "parameters": {"kind": {"type": "block"}},
            "nodes": {"before": {"call": "Inner", "params": {"factor": 2}}, "node": {"call": "=kind"}},
            "edges": [["x", "before.x"], ["before.out", "node.x"]],
        },
        "Inner": {
            **_PORTS,
            "parameters": {"factor": 1.0},
            "nodes": {
                "down": {**_CONV, "params": {**_CONV["params"], "stride": 2}},
                "up": {"call": "UpsampleConv"},
                "node": {"call": "Scale", "params": {"factor": "factor"}},
            },
            "edges": [["x", "down.x"], ["down.out", "up.x"], ["up.out", "node.x"]],
        },
        "Other": {**_PORTS, "nodes": {"node": {"call": "SiLU"}}, "edges": [["x", "node.x"]]},
    },
}  # fmt: skip
PRESETS = ("sd-tiny", "dit-tiny", "hdit-tiny", "steady-tiny", "uvit-tiny")
DOCUMENTS = [NESTED, *(json.loads(json.dumps(to_json(build(name)))) for name in PRESETS)]


def _tuned(rng: random.Random, document: dict[str, Any]) -> None:
    """Change one number, text or flag among the parameters to one like it: most such edits keep a design valid."""
    paths = [path for path in places(document) if {"parameters", "params", "repeat", "kinds"} & set(path)]
    values = [
        path for path in paths if isinstance(holder_of(document, path)[path[-1]], (bool, int, float, str))
    ]
    if not values:  # damage took them all
        return
    path = rng.choice(values)
    holder, last = holder_of(document, path), path[-1]
    value = holder[last]
    if isinstance(value, bool):
        holder[last] = rng.choice([not value, int(value)])
    elif isinstance(value, str):
        holder[last] = rng.choice(
            [f"({value})", f"{value} + 0", value[1:], rng.choice(list(document["definitions"]))]
        )
    else:
        holder[last] = rng.choice([2 * value, value + 1, float(value), value / 2, bool(value)])


def _told(report: CheckReport) -> dict[str, Any]:
    """All that a report says, sharing of frames included."""
    frames = [] if report.frame is None else list(report.frame.walk())
    order = {id(frame): index for index, frame in enumerate(frames)}
    return {
        "json": report.to_json(),
        "diagnostics": [repr(one) for one in report.diagnostics],
        "certificate": repr(report.certificate),
        "frames": [_frame(frame, order) for frame in frames],
    }


def _frame(frame: Frame, order: dict[int, int]) -> list[str]:
    calls = [
        (
            name,
            call.node,
            call.target.name,
            call.active,
            call.conditional,
            call.count,
            call.inputs,
            call.outputs,
            call.stacks,
        )
        for name, call in frame.calls.items()
    ]
    iterations = [
        (one.params, one.names, one.outputs, None if one.frame is None else order[id(one.frame)])
        for call in frame.calls.values()
        for one in call.iterations
    ]
    parts = (
        frame.definition,
        frame.params,
        frame.inputs,
        frame.outputs,
        frame.unmet,
        sorted(frame.live),
        calls,
        iterations,
    )
    return [repr(part) for part in parts]


def _compare(document: dict[str, Any], past: Past) -> None:
    text = json.dumps(document)
    try:
        fresh = loads(text)
    except UserError as error:
        with pytest.raises(UserError) as caught:
            loads(text, past.definitions)
        assert str(caught.value) == str(error)
        return
    design = loads(text, past.definitions)
    assert repr(design) == repr(fresh)
    cold, warm = check(fresh), check(design, past=past)
    assert _told(warm) == _told(cold)
    if cold.ok and cold.frame is not None and warm.frame is not None:
        assert _cost(design, warm.frame) == _cost(fresh, cold.frame)


def _cost(design: Any, frame: Frame) -> Any:
    try:
        return summarize_frame(design, frame).to_json()
    except UserError as error:
        return str(error)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(range(len(DOCUMENTS))), st.integers(0, 2**32))
def test_edits_in_sequence(index: int, seed: int) -> None:
    rng, past = random.Random(seed), Past()
    documents = [copy.deepcopy(DOCUMENTS[index])]
    _compare(documents[0], past)
    for _ in range(6):
        document = copy.deepcopy(rng.choice(documents) if rng.random() < 0.3 else documents[-1])
        rng.choice([damage, _tuned, _tuned])(rng, document)
        _compare(document, past)
        documents.append(document)


def test_a_parameter_of_the_design_read_two_levels_down() -> None:
    past, document = Past(), copy.deepcopy(NESTED)
    for name, value in (
        ("width", 8),
        ("size", 5),
        ("width", 16),
        ("size", 3),
        ("choice", 1),
        ("width", 8),
        ("width", "x"),
    ):
        document["parameters"][name] = value
        _compare(document, past)


def test_kinds_of_numbers_are_told_apart() -> None:
    past, document = Past(), copy.deepcopy(NESTED)
    for value in (2, 2.0, 1, True, 1.0):
        document["definitions"]["Outer"]["nodes"]["before"]["params"]["factor"] = value
        _compare(document, past)


def test_a_definition_that_takes_the_name_of_a_block() -> None:
    past, document = Past(), copy.deepcopy(NESTED)
    _compare(document, past)
    document["definitions"]["UpsampleConv"] = document["definitions"]["Other"]
    _compare(document, past)


def test_a_node_that_leads_to_the_output_no_more_and_again() -> None:
    past, document = Past(), copy.deepcopy(NESTED)
    for node in ("node", "down", "node", "up", "down"):
        document["definitions"]["Inner"]["outputs"][0]["from"] = [node, "out"]
        _compare(document, past)


def test_the_leaf_of_calls_that_stay() -> None:
    past, document = Past(), copy.deepcopy(NESTED)
    leaf, part = document["definitions"]["Inner"]["nodes"], document["definitions"]["Outer"]
    for factor in (1, 2, 2.0, "factor", "factor*width"):
        leaf["node"]["params"]["factor"] = factor
        _compare(document, past)
        part["nodes"]["before"]["params"]["factor"] = 3
        _compare(document, past)
        del part["nodes"]["before"]["params"]["factor"]
        _compare(document, past)


def test_limits_are_reported_as_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    past = Past()
    _compare(NESTED, past)
    for limit, value in (("MAX_ITERATIONS", 5), ("MAX_FRAMES", 2), ("MAX_DEPTH", 2)):
        with monkeypatch.context() as patch:
            patch.setattr(f"designer.shapes.elaborate.{limit}", value)
            _compare(NESTED, past)
    _compare(NESTED, past)


def test_memory_is_bounded() -> None:
    past = Past()
    document = copy.deepcopy(NESTED)
    for width in range(8, 72, 8):
        document["parameters"]["width"] = width
        design = read_design(json.loads(json.dumps(document)), past.definitions)
        check(design, past=past)
    assert len(past.definitions) == len(document["definitions"])
    assert len(past.traces) < 100
