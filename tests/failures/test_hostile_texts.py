"""Texts of a design that try to become code: the render refuses them, or they stay in docstrings and comments."""

import ast
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designer.check import check
from designer.document import to_json
from designer.errors import UserError
from designer.examples import teaching_designs
from designer.names import MODULE_ATTRIBUTES
from designer.reader import read_design
from designer.render import is_untouched, render

DOCUMENT: dict[str, Any] = to_json(teaching_designs()["teach-two-convolutions"])
PAYLOADS = [
    '"""\nimport os\nos.system("true")\n"""',
    "'''\nimport os\n'''",
    '\\"""\nimport os',
    "x\nimport os",
    "x\r\nimport os",
    "x\x0bimport os\x0c",
    "x\u2028import os\x85",
    "\x00",
    "\\",
    "\\N{BULLET}",
    "{{ 7 * 7 }}{% import os %}",
    "{x} {self.__class__}",
    "\ue000evil\ue000",
    "\u202eso\u202c",
    "0" * 16,
    "content 0000000000000000",
    "# type: ignore",
    "x" * 5000,
]


def _set(*path: Any) -> Callable[[dict[str, Any], str], None]:
    def edit(document: dict[str, Any], text: str) -> None:
        place = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = text

    return edit


def _initialized(document: dict[str, Any], text: str) -> None:
    """The help of a node with a special initialisation becomes a comment."""
    node = document["definitions"]["Denoiser"]["nodes"]["conv_out"]
    node["params"]["init"], node["help"] = "zero", text


D = ("definitions", "Denoiser")
FREE = {
    "name": _set("name"),
    "preset": _set("preset"),
    "doc": _set(*D, "doc"),
    "reference": _set(*D, "reference"),
    "help of an input": _set(*D, "inputs", 0, "help"),
    "help of an output": _set(*D, "outputs", 0, "help"),
    "help of a parameter": _set(*D, "parameters", "channels", "help"),
    "unit": _set(*D, "parameters", "channels", "unit"),
    "help of a node": _initialized,
}
CODE = {
    "value of a parameter": _set(*D, "nodes", "conv_in", "params", "out_channels"),
    "choice": _set(*D, "nodes", "conv_in", "params", "init"),
    "condition": _set(*D, "nodes", "act", "when"),
    "repeat": _set(*D, "nodes", "act", "repeat"),
    "shape": _set(*D, "inputs", 0, "shape"),
    "call": _set(*D, "nodes", "act", "call"),
    "instance": _set(*D, "nodes", "act", "instance"),
    "role": _set(*D, "inputs", 0, "role"),
    "endpoint": _set(*D, "edges", 0, 0),
    "main": _set("main"),
}


VALUES = ("condition", "repeat", "value of a parameter")


def _is_literal(text: str) -> bool:
    """Whether a text is a constant and nothing else, which an expression may be."""
    try:
        return isinstance(ast.literal_eval(text), (int, str))
    except (SyntaxError, ValueError):
        return False


def _code(source: str) -> str:
    """The code without its docstrings and comments."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            assert isinstance(body[0].value, ast.Constant) or not isinstance(node, (ast.Module, ast.ClassDef))
            if isinstance(body[0].value, ast.Constant):
                body[0].value.value = ""
    return ast.dump(tree)


def _rendered(edit: Callable[[dict[str, Any], str], None], text: str) -> str:
    document = copy.deepcopy(DOCUMENT)
    edit(document, text)
    return render(read_design(document)).files["model.py"]


@pytest.mark.parametrize("place", FREE)
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_free_text_never_changes_the_code(place: str, payload: str) -> None:
    source = _rendered(FREE[place], payload)
    assert _code(source) == _code(_rendered(FREE[place], "plain"))
    assert source.isprintable() or all(one.isprintable() or one == "\n" for one in source)
    assert is_untouched(source) and "\\" not in source


@pytest.mark.parametrize(
    ("place", "payload"),
    [(place, text) for place in CODE for text in PAYLOADS if place not in VALUES or not _is_literal(text)],
    ids=lambda value: value if value in CODE else str(PAYLOADS.index(value)),
)
def test_a_text_that_is_code_is_refused(place: str, payload: str) -> None:
    with pytest.raises(UserError) as caught:
        _rendered(CODE[place], payload)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.sampled_from(sorted(FREE)))
def test_no_text_changes_the_code(text: str, place: str) -> None:
    assert _code(_rendered(FREE[place], text)) == _code(_rendered(FREE[place], "plain"))


NAMES = [
    "class",
    "None",
    "self",
    "__class__",
    "__init__",
    "nn",
    "torch",
    "F",
    "math",
    "super",
    "range",
    "forward",
]


def _renamed(kind: str, name: str) -> dict[str, Any]:
    text = json.dumps(DOCUMENT)
    old = {
        "node": "conv_in",
        "parameter": "channels",
        "input": "x",
        "definition": "Denoiser",
        "output": "eps",
    }[kind]
    if kind == "input":
        text = text.replace('"name": "x"', f'"name": "{name}"').replace('["x", ', f'["{name}", ')
    elif kind == "node":
        text = text.replace('"conv_in"', f'"{name}"').replace('"conv_in.', f'"{name}.')
    else:
        text = text.replace(f'"{old}"', f'"{name}"')
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.mark.parametrize("kind", ["node", "parameter", "input", "definition", "output"])
@pytest.mark.parametrize("name", NAMES)
def test_a_reserved_name_is_refused_or_harmless(kind: str, name: str) -> None:
    import torch

    from designer.render import load_model

    report = check(read_design(_renamed(kind, name)))
    errors = [one for one in report.diagnostics if one.severity == "error"]
    assert all(one.code == "S017" or kind == "parameter" for one in errors), [one.message for one in errors]
    if not errors:
        model = load_model(render(read_design(_renamed(kind, name))))()
        assert model(torch.ones(1, 1, 8, 8), torch.ones(1)).shape == (1, 1, 8, 8)


def test_the_reserved_attributes_are_those_of_torch() -> None:
    import torch

    real = {name for name in dir(torch.nn.Module()) if not name.startswith("__")}
    assert real <= MODULE_ATTRIBUTES, sorted(real - MODULE_ATTRIBUTES)
