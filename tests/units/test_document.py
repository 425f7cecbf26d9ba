"""The document: what goes in comes out, and what cannot be a design is refused with its place."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer.document import MAX_BYTES, dumps, load, loads, save, to_json
from designer.errors import UserError
from designer.examples import teaching_designs
from designer.presets import build, presets
from designer.reader import read_design
from designer.render import render

DOCUMENT = to_json(teaching_designs()["teach-two-convolutions"])


@pytest.mark.parametrize("name", [*teaching_designs(), *(preset.id for preset in presets())])
def test_round_trip(name: str) -> None:
    design = teaching_designs().get(name) or build(name)
    text = dumps(design)
    assert loads(text) == design
    assert dumps(loads(text)) == text
    assert loads(text).hash() == design.hash()


def test_hash_is_of_the_meaning() -> None:
    design = read_design(DOCUMENT)
    moved = read_design({**DOCUMENT, "layout": {"Denoiser": {"conv_in": [4, 2]}}})
    shuffled = read_design(dict(reversed(DOCUMENT.items())))
    other = read_design({**DOCUMENT, "parameters": {"channels": 24}})
    assert design.hash() == moved.hash() == shuffled.hash() != other.hash()
    assert len(design.hash()) == 16


def _at(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set the value at a path such as "definitions.Denoiser.nodes.act.repeat"."""

    def change(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place: Any = document
        for name in parents:
            place = place[int(name)] if name.isdigit() else place[name]
        place[int(last) if last.isdigit() else last] = value

    return change


D = "definitions.Denoiser"
DEEP: Any = 1
for _ in range(40):
    DEEP = [DEEP]
BAD = [
    ("format", "another", '"format": "diffusion-design", received \'another\''),
    ("format_version", 2, "format_version 2 is newer than this program reads"),
    ("format_version", 0, "format_version: expected 1 … 1, received 0"),
    ("format_version", "1", "format_version: expected an integer, received a string"),
    ("format_version", True, "format_version: expected an integer, received true or false"),
    ("main", "Net", "main: names 'Net', which is not defined; definitions are Denoiser"),
    ("main", 3, "main: expected a string"),
    ("mian", "Denoiser", "mian: unknown key; expected one of format, "),
    ("name", 3, "name: expected a string, received an integer"),
    ("parameters", [1], "parameters: expected an object, received a list"),
    ("parameters.2x", 1, "parameters.2x: '2x' is not a name"),
    ("parameters.channels", float("inf"), "parameters.channels: received inf; expected a finite number"),
    ("parameters.channels", [1, [float("nan")]], "parameters.channels[1][0]: received nan"),
    ("parameters.channels", 10**30, "parameters.channels: received a number of more than 18 digits"),
    ("parameters.channels", DEEP, ": nested too deeply; a design has at most"),
    ("parameters.channels", "\ud800", "parameters.channels: '\\ud800' is not valid text"),
    ("layout", {"Denoiser": {"act": [float("inf"), 0]}}, "layout.Denoiser.act[0]: received inf"),
    ("training", [], "training: expected an object, received a list"),
    ("training.timesteps", "many", "training.timesteps: expected an integer, received a string"),
    ("training.num_classes", -1, "training.num_classes: received -1; expected whole numbers of at least 0"),
    ("training.sample_shape", [1, "16", 16], "training.sample_shape: received [1, '16', 16]; expected whole"),
    ("training.prediction", 5, "training.prediction: expected a string, received an integer"),
    ("definitions", {}, "main: names 'Denoiser', which is not defined; definitions are none"),
    ("definitions.a-b", {}, "definitions.a-b: 'a-b' is not a name; use letters, digits and _"),
    ("definitions.Other", 3, "definitions.Other: expected an object, received an integer"),
    (f"{D}.doc", ["x"], f"{D}.doc: expected a string, received a list"),
    (f"{D}.nodse", {}, f"{D}.nodse: unknown key; expected one of doc, "),
    (f"{D}.nodes.act", {"params": {}}, f"{D}.nodes.act.call: is missing"),
    (f"{D}.nodes.act.call", "a b", f"{D}.nodes.act.call: 'a b' is not a name"),
    (f"{D}.nodes.act.repeat", 1.5, f"{D}.nodes.act.repeat: expected an integer or a string, received a number"),
    (f"{D}.nodes.act.when", True, f"{D}.nodes.act.when: expected a string, received true or false"),
    (f"{D}.nodes.act.param", {}, f"{D}.nodes.act.param: unknown key; expected one of call, params, "),
    (f"{D}.nodes.act.instance", "é", f"{D}.nodes.act.instance: 'é' is not a name"),
    (f"{D}.parameters.channels.type", "tensor", f"{D}.parameters.channels.type: expected one of int, float"),
    (f"{D}.parameters.channels.min", "1", f"{D}.parameters.channels.min: expected an integer or a number"),
    (f"{D}.parameters.other", None, f"{D}.parameters.other: expected a parameter declaration or a default value"),
    (f"{D}.inputs.1", {"name": "x"}, f"{D}.inputs: two ports are named 'x'; names must be unique"),
    (f"{D}.inputs.0", "x", f"{D}.inputs[0]: expected an object, received a string"),
    (f"{D}.inputs.0.dtype", "float16", f"{D}.inputs[0].dtype: expected float32, int64 or bool, received 'float16'"),
    (f"{D}.inputs.0.shape", "B " * 300, f"{D}.inputs[0].shape: 600 characters; a shape has at most 500"),
    (f"{D}.outputs.0", {"name": "eps"}, f"{D}.outputs[0].from: is missing"),
    (f"{D}.outputs.0.from", ["a", "b", "c"], f"{D}.outputs[0].from: 'a.b.c' is not an endpoint"),
    (f"{D}.edges.0", ["x"], f'{D}.edges[0]: expected a pair ["node.port", "node.port"], received [\'x\']'),
    (f"{D}.edges.1", ["x", "a..b"], f"{D}.edges[1]: 'a..b' is not an endpoint"),
    (f"{D}.edges", {}, f"{D}.edges: expected a list, received an object"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "message"), BAD, ids=[f"{path}={value!r:.20}" for path, value, _ in BAD]
)
def test_what_is_no_design_is_refused_with_its_place(path: str, value: Any, message: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    _at(path, value)(document)
    with pytest.raises(UserError) as caught:
        read_design(document)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON: Expecting value at line 1 column 1"),
        ('{"format": }', "not valid JSON: Expecting value at line 1 column 12"),
        ("[]", "the document: expected an object, received a list"),
        ("3", "the document: expected an object, received an integer"),
        ('{"a": 1, "a": 2}', "the key 'a' appears twice in one object"),
        ('{"a": NaN}', "NaN is not a number that a design can hold"),
        ('{"a": -Infinity}', "-Infinity is not a number that a design can hold"),
        ("[" * 100_000, "not a design: the JSON is nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON: Exceeds the limit"),
    ],
)
def test_text_that_is_no_document(text: str, message: str) -> None:
    with pytest.raises(UserError, match=r".") as caught:
        loads(text)
    assert message in str(caught.value)


def test_the_shorthand_of_a_parameter_is_its_default() -> None:
    document = copy.deepcopy(DOCUMENT)
    _at(f"{D}.parameters.channels", 16)(document)
    assert read_design(document).main_definition.parameters["channels"].type == "int"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from([path for path, _, _ in BAD if "." in path] + ["layout", "training", "preset"]),
)
def test_any_value_at_any_place_is_kept_or_refused(value: Any, path: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    try:
        _at(path, value)(document)
        design = read_design(document)
    except (UserError, KeyError):
        return
    assert loads(dumps(design)) == design


@pytest.mark.parametrize("default", ["", [], 0, False, "rms", [1, [2.5]]])
def test_every_default_is_kept(default: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    _at(f"{D}.parameters.other", default)(document)
    design = read_design(document)
    assert loads(dumps(design)) == design
    assert design.main_definition.parameters["other"].default == default


def test_files(tmp_path: Path) -> None:
    design = read_design(DOCUMENT)
    save(design, tmp_path / "new" / "design.json")
    assert load(tmp_path / "new" / "design.json") == design
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf" + dumps(design).encode())
    assert load(tmp_path / "bom.json") == design


def test_a_file_at_the_limit_is_read_and_one_past_it_is_not(tmp_path: Path) -> None:
    text = json.dumps(DOCUMENT)
    path = tmp_path / "large.json"
    path.write_text(text + " " * (MAX_BYTES - len(text)))
    assert load(path) == read_design(DOCUMENT)
    path.write_text(text + " " * (MAX_BYTES - len(text) + 1))
    with pytest.raises(UserError, match=r"large\.json: 17 MB; a design file has at most 17 MB"):
        load(path)


def _as_browser(value: Any) -> Any:
    """JSON as JavaScript writes it: whole numbers have no fraction."""
    if isinstance(value, dict):
        return {key: _as_browser(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_browser(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize("name", ["ddpm-tiny", "dit-tiny", "edm2-tiny"])
def test_a_design_that_went_through_a_browser_is_the_same(name: str) -> None:
    design = build(name)
    again = loads(json.dumps(_as_browser(to_json(design))))
    assert again.hash() == design.hash()
    assert render(again).files == render(design).files
