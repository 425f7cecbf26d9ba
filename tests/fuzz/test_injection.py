"""Any text anywhere in a design is refused, or its rendering holds only what the design may say.

Rendered files are parsed: imports, names, attributes and strings must be those of the blocks, of torch and of the
design's own identifiers, whatever a name, a parameter, an expression or a comment tries to be.
"""

import ast
import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from designer.catalogue import catalogue
from designer.document import to_json
from designer.errors import UserError
from designer.names import GLOBALS
from designer.presets import build
from designer.reader import IDENTIFIER, read_design
from designer.render import render

PRESETS = ("ddpm-tiny", "dit-tiny")
HOSTILE = (
    '__import__("os").system("true")',
    "open('file').read()",
    "hidden_size.__class__.__mro__",
    "(lambda: exec('1'))()",
    "[x for x in ().__class__.__bases__]",
    "hidden_size if 1 else eval('1')",
    'f"{__builtins__}"',
    "hidden_size; import os",
    "hidden_size\\\nimport os",
    "hidden_size # comment\nimport os",
    'zero"); import os; ("',
    "zero'); import os; ('",
    '"""\nimport os\n"""',
    "{{ self.__init__.__globals__ }}",
    "self.training",
    "torch.load",
    "x := 1",
    "*args",
    "ａbc",
    "a\u0301",
    "i" * 70,
)
TEXTS = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=24), st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
)
OWN = {"layer", "h", "hidden", "i", "_"}  # variables that the plan names itself
MODULES = {"math", "collections.abc", "torch", "torch.nn.functional"}


@cache
def document_of(preset: str) -> dict[str, Any]:
    """A preset as JSON."""
    return to_json(build(preset))


@cache
def told(preset: str) -> tuple[set[str], set[str]]:
    """The identifiers and strings that a clean rendering of the preset may hold, with those of all blocks."""
    tree = ast.parse(render(build(preset)).files["model.py"])
    specs = catalogue().values()
    choices = {str(choice) for spec in specs for param in spec.params for choice in param.choices or ()}
    defaults = {param.default for spec in specs for param in spec.params if isinstance(param.default, str)}
    return identifiers(tree) | GLOBALS | OWN, strings(tree) | choices | defaults


def identifiers(tree: ast.AST) -> set[str]:
    """Every name that code reads, writes, defines or looks up."""
    found: set[str] = set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    return found


def strings(tree: ast.AST) -> set[str]:
    """Every string that is not a docstring."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    }


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all strings in a document."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from leaves(child, (*path, key))
    if isinstance(value, str):
        yield path


def assert_harmless(document: dict[str, Any], preset: str, allowed: set[str]) -> None:
    """Render; refused designs are fine, and what is rendered holds nothing foreign."""
    try:
        source = render(read_design(document)).files["model.py"]
    except UserError as error:
        assert "\n" not in str(error)
        return
    tree = ast.parse(source)
    known, texts = told(preset)
    names = {re.sub(r"(_\d+|_item|_module)$", "", name) for name in identifiers(tree)}
    foreign = {name for name in names - known if not any(word in name for word in allowed)}
    assert not foreign
    assert strings(tree) <= texts, strings(tree) - texts
    assert not {one for one in identifiers(tree) if re.fullmatch("__.*__", one)} - {"__init__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module in MODULES
        elif isinstance(node, ast.Import):
            assert {one.name for one in node.names} <= MODULES
        else:
            assert not isinstance(node, (ast.Lambda, ast.NamedExpr, ast.JoinedStr, ast.Global, ast.Await))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PRESETS), st.integers(0, 10**6), TEXTS)
def test_any_string_of_a_document_may_be_hostile(preset: str, place: int, text: str) -> None:
    document = copy.deepcopy(document_of(preset))
    paths = list(leaves(document))
    path = paths[place % len(paths)]
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = text
    assert_harmless(document, preset, set())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PRESETS), st.integers(0, 10**6), TEXTS)
@example("ddpm-tiny", 58853, "_")
def test_any_name_of_a_document_may_be_hostile(preset: str, place: int, name: str) -> None:
    document = document_of(preset)
    names = sorted(
        {
            key
            for one in document["definitions"].values()
            for key in (*one["nodes"], *one.get("parameters", {}))
        }
        | document["definitions"].keys()
    )
    old = names[place % len(names)]
    assert_harmless(_renamed(document, old, name), preset, {name} if IDENTIFIER.match(name) else set())


def _renamed(value: Any, old: str, new: str) -> Any:
    """The document with a name replaced wherever it stands alone or before the port of an edge."""
    if isinstance(value, dict):
        return {_renamed(key, old, new): _renamed(one, old, new) for key, one in value.items()}
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    if isinstance(value, str):
        return new if value == old else f"{new}{value[len(old) :]}" if value.startswith(f"{old}.") else value
    return value


@pytest.mark.parametrize("text", HOSTILE)
def test_every_field_at_once(text: str) -> None:
    document = copy.deepcopy(document_of("dit-tiny"))
    for one in document["definitions"].values():
        one["doc"] = one["reference"] = text
        for port in (*one["inputs"], *one["outputs"]):
            port["help"] = text
        for node in one["nodes"].values():
            node["help"] = text
    document["name"] = text
    assert_harmless(document, "dit-tiny", set())
