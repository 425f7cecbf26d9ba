"""What a block file of the user must be like, so that a mistake in it is one message and not a crash later."""

import ast
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from designer import expressions
from designer.errors import UserError
from designer.expressions import ExpressionError
from designer.names import GLOBALS
from designer.spec import TAGS, BlockSpec

if TYPE_CHECKING:
    from designer.catalogue import BlockFile

# What a rendered file can import; the specs are never rendered.
_IMPORTS = """
import math
from collections.abc import Sequence
from functools import cache
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
"""


def require_block_file(file: "BlockFile", others: Mapping[str, str]) -> None:
    """Raise UserError for a custom file that could not be checked or rendered.

    `others` are the top-level classes and functions of other files by name: rendered files hold one of a name.
    """
    for name, text in definitions(file.tree):
        if name in GLOBALS or others.get(name, text) != text:
            raise UserError(
                f"{file.path}: {name} is the name of something else in rendered files; choose another"
            )
    _require_imports(file)
    own = dict(definitions(file.tree))
    for spec in file.specs:
        if not isinstance(spec, BlockSpec):
            raise UserError(f"{file.path}: SPEC is no BlockSpec but {spec!r:.60}")
        for problem in _problems(spec, type(spec), "BlockSpec"):
            raise UserError(f"{file.path}: {problem}")
        if not spec.name.isidentifier():
            raise UserError(f"{file.path}: the block's name {spec.name!r:.60} is no identifier")
        if spec.kind in ("module", "function") and spec.target not in own:
            raise UserError(
                f"{file.path}: target {spec.target!r:.60} is not defined here; there are {', '.join(own) or 'none'}"
            )
        if not spec.tags or set(spec.tags) - TAGS.keys():
            raise UserError(
                f"{file.path}: tags {list(spec.tags)}; expected at least one of {', '.join(TAGS)}"
            )
        _require_expressions(spec, file)


def definitions(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the top-level classes and functions: their names and their code."""
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name, ast.dump(statement)


def _require_imports(file: "BlockFile") -> None:
    known = {(one.module, alias.name, alias.asname) for one, alias in _imported(ast.parse(_IMPORTS))}
    for statement, alias in _imported(file.tree):
        module = statement.module
        if module != "designer.spec" and (module, alias.name, alias.asname) not in known:
            allowed = "; ".join(_IMPORTS.strip().split("\n"))
            raise UserError(
                f"{file.path}: line {statement.lineno}: imports {alias.name}, which rendered files cannot; "
                f"a block may use designer.spec and: {allowed}"
            )


def _imported(tree: ast.Module) -> Iterator[tuple[Any, ast.alias]]:
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                if isinstance(statement, ast.Import):
                    yield types.SimpleNamespace(module="", lineno=statement.lineno), alias
                else:
                    yield statement, alias


def _problems(value: Any, kind: type, place: str) -> Iterator[str]:
    """Yield what is wrong with the types of a declaration's fields."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        given = getattr(value, field.name)
        if not _fits(given, hints[field.name]):
            yield f"{place}.{field.name}: received {given!r:.60}; expected {field.type}"
        for part in given if isinstance(given, tuple | list) else (given,):
            if is_dataclass(part) and not isinstance(part, type):
                yield from _problems(part, type(part), f"{place}.{field.name}")


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(_fits(one, inner[0]) for one in value)
    if origin is not None:  # the mappings
        return isinstance(value, dict) and all(
            _fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items()
        )
    if hint in (int, float):
        return isinstance(value, int | hint) and not isinstance(value, bool)
    return isinstance(value, hint)


def _require_expressions(spec: BlockSpec, file: "BlockFile") -> None:
    sizes = [
        size for port in (*spec.inputs, *spec.outputs) for size in port.shape.split() if size[0] not in "*~"
    ]
    conditions = [one.condition for one in spec.constraints]
    for text in (*sizes, *conditions, spec.parameters, spec.flops):
        try:
            expressions.names(text)
        except ExpressionError as error:
            raise UserError(f"{file.path}: {text!r:.60} is no expression ({error})") from None
