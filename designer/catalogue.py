"""Discovery of blocks: every file of the folders of blocks that assigns `SPEC`, `SPECS` or both.

A spec is read from the syntax tree of its file. Only calls of the classes of `designer.spec` with literal
arguments are understood, so listing, checking and rendering never run a block's code nor import torch.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from designer import extensions
from designer import spec as spec_module
from designer.assets import folder
from designer.custom import definitions, require_block_file
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


def block_files(directory: Path | None = None) -> tuple[BlockFile, ...]:
    """Return the block files of `directory` by name; by default the blocks that ship, then those of the user."""
    return _files((directory,) if directory else _folders())


def catalogue(directory: Path | None = None) -> Mapping[str, BlockSpec]:
    """Return every block by name. Raises UserError for a file that cannot be used, or a name declared twice."""
    return _catalogue((directory,) if directory else _folders())


def file_of(name: str, directory: Path | None = None) -> BlockFile:
    """Return the file that declares block `name`. Raises KeyError."""
    for file in block_files(directory):
        if any(spec.name == name for spec in file.specs):
            return file
    raise KeyError(name)


def _folders() -> tuple[Path, ...]:
    return (folder("blocks"), *extensions.block_folders())


@lru_cache(maxsize=8)
def _files(folders: tuple[Path, ...]) -> tuple[BlockFile, ...]:
    """The first folder is trusted to be right; files of the others are held to what can be rendered."""
    first, *others = folders
    found = [_read(path) for path in _paths(first)]
    known = dict(one for file in found for one in definitions(file.tree)) if others else {}
    for root in others:
        for path in _paths(root):
            file = _read(path)
            require_block_file(file, known)
            known |= definitions(file.tree)
            found.append(file)
    return tuple(found)


def _paths(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*.py") if not path.name.startswith("_"))


@lru_cache(maxsize=8)
def _catalogue(folders: tuple[Path, ...]) -> Mapping[str, BlockSpec]:
    found: dict[str, BlockSpec] = {}
    for file in _files(folders):
        for spec in file.specs:
            if spec.name in found:
                raise UserError(
                    f"{file.path.name}: the block {spec.name!r} is declared twice; choose another name"
                )
            found[spec.name] = spec
    return found


def _read(path: Path) -> BlockFile:
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}: not valid Python (line {error.lineno}: {error.msg})") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{path}: cannot be read as Python ({error})") from None
    specs: list[BlockSpec] = []
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            if statement.targets[0].id == "SPEC":
                specs.append(_value(statement.value, path))
            elif statement.targets[0].id == "SPECS":
                several = _value(statement.value, path)
                specs.extend(several if isinstance(several, tuple | list) else [several])
    if not specs:
        raise UserError(f"{path}: declares no SPEC; a block file assigns SPEC = BlockSpec(…)")
    return BlockFile(path, text, tree, tuple(specs))


def _value(node: ast.expr, path: Path) -> Any:
    """Evaluate literals and constructor calls of `designer.spec`, nothing else."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in _CONSTRUCTORS:
            given = {keyword.arg: _value(keyword.value, path) for keyword in keywords if keyword.arg}
            try:
                return _CONSTRUCTORS[name](*(_value(arg, path) for arg in args), **given)
            except TypeError as error:  # an argument that is missing or unknown
                raise UserError(f"{path}: line {node.lineno}: {error}") from None
        case ast.Tuple(elts=elements):
            return tuple(_value(element, path) for element in elements)
        case ast.Dict(keys=keys, values=values):
            return {
                _value(key, path): _value(value, path) for key, value in zip(keys, values, strict=True) if key
            }
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise UserError(
            f"{path}: line {node.lineno}: a SPEC may hold only literals and {', '.join(_CONSTRUCTORS)}"
        ) from None
