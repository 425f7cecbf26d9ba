"""Discovery of blocks: every file of the blocks folder that assigns `SPEC`, `SPECS` or both.

A spec is read from the syntax tree of its file. Only calls of the classes of `designer.spec` with literal
arguments are understood, so listing, checking and rendering never run a block's code nor import torch.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from designer import spec as spec_module
from designer.assets import folder
from designer.errors import UserError
from designer.spec import BlockSpec

_CONSTRUCTORS = {
    name: getattr(spec_module, name)
    for name in ("BlockSpec", "Port", "Param", "Stability", "Gate", "Constraint", "Example")
}


@dataclass(frozen=True)
class BlockFile:
    """A block's source file: its text, syntax tree and specs."""

    path: Path
    text: str
    tree: ast.Module
    specs: tuple[BlockSpec, ...]


@lru_cache(maxsize=8)
def block_files(directory: Path | None = None) -> tuple[BlockFile, ...]:
    """Return the block files of `directory` (default: the blocks that ship), by name."""
    root = directory or folder("blocks")
    paths = sorted(path for path in root.glob("*.py") if not path.name.startswith("_"))
    return tuple(_read(path) for path in paths)


@lru_cache(maxsize=8)
def catalogue(directory: Path | None = None) -> Mapping[str, BlockSpec]:
    """Return every block by name. Raises UserError when two files declare one name."""
    found: dict[str, BlockSpec] = {}
    for file in block_files(directory):
        for spec in file.specs:
            if spec.name in found:
                raise UserError(
                    f"{file.path.name}: the block {spec.name!r} is declared twice; choose another name"
                )
            found[spec.name] = spec
    return found


def file_of(name: str, directory: Path | None = None) -> BlockFile:
    """Return the file that declares block `name`. Raises KeyError."""
    for file in block_files(directory):
        if any(spec.name == name for spec in file.specs):
            return file
    raise KeyError(name)


def _read(path: Path) -> BlockFile:
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}: not valid Python (line {error.lineno}: {error.msg})") from None
    specs: list[BlockSpec] = []
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            if statement.targets[0].id == "SPEC":
                specs.append(_value(statement.value, path))
            elif statement.targets[0].id == "SPECS":
                specs.extend(_value(statement.value, path))
    if not specs:
        raise UserError(f"{path}: declares no SPEC; a block file assigns SPEC = BlockSpec(…)")
    return BlockFile(path, text, tree, tuple(specs))


def _value(node: ast.expr, path: Path) -> Any:
    """Evaluate literals and constructor calls of `designer.spec`, nothing else."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in _CONSTRUCTORS:
            given = {keyword.arg: _value(keyword.value, path) for keyword in keywords if keyword.arg}
            return _CONSTRUCTORS[name](*(_value(arg, path) for arg in args), **given)
        case ast.Tuple(elts=elements):
            return tuple(_value(element, path) for element in elements)
        case ast.Dict(keys=keys, values=values):
            return {
                _value(key, path): _value(value, path) for key, value in zip(keys, values, strict=True) if key
            }
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise UserError(
            f"{path}: line {node.lineno}: a SPEC may hold only literals and {', '.join(_CONSTRUCTORS)}"
        ) from None
