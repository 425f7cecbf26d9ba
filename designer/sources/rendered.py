"""A rendered file read back: its design is found by the hash in its header, hand edits are told class by class.

Nothing of the file is run. Blocks whose code was edited become blocks of the user under a new name, declared as the
block that they were; edits of anything else are told, and are not in the design.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from designer import extensions
from designer.catalogue import catalogue, file_of
from designer.check import check
from designer.document import MAX_BYTES, Design, load, to_json
from designer.errors import DesignError, UserError
from designer.files import write_atomic
from designer.reader import read_design
from designer.render import is_untouched, render
from designer.spec import BlockSpec

_HEADER = re.compile(r"^Rendered from the design .* \(hash ([0-9a-f]{16})\); regenerate with$", re.MULTILINE)
_IMPORTS = """from collections.abc import Sequence
import math
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from functools import cache
"""


@dataclass(frozen=True)
class Edit:
    """A class or function that is not as it was rendered; `block` is the block that it became."""

    name: str
    what: str
    block: str = ""

    def __str__(self) -> str:
        if self.block:
            return f"{self.name} was edited by hand; it is the block {self.block} now"
        return f"{self.name} was {self.what} by hand; the design is without that"


@dataclass(frozen=True)
class Reread:
    """The design of a rendered file, and what was edited since."""

    design: Design
    edits: tuple[Edit, ...] = ()
    folder: Path | None = None

    @property
    def errors(self) -> tuple[str, ...]:
        """The edits that the design is without."""
        return tuple(str(one) for one in self.edits if not one.block)

    def to_json(self) -> dict[str, Any]:
        """Return what `designer import --json` prints, beside the name of the file."""
        return {
            "name": self.design.name,
            "edits": [asdict(one) for one in self.edits],
            "blocks": str(self.folder) if self.folder else None,
            "errors": list(self.errors),
        }


def read_rendered(path: Path, blocks: Path) -> Reread:
    """Return the design of a rendered file; blocks that were edited are written to the folder `blocks`.

    Raises UserError for a file that was not rendered, or whose design is nowhere to be found.
    """
    text = _read(path)
    stated = _HEADER.search(text)
    if stated is None:
        raise UserError(f"{path}: has no header of a rendered file; expected a model.py of `designer render`")
    design = _design(path, stated.group(1))
    if is_untouched(text):
        return Reread(design)
    now, then = _parts(text, path), _parts(render(design).files["model.py"], path)
    edits = list(_edits(now, then))
    others = {one.name for one in edits}
    changed, files, known = design, {}, []
    for edit in edits:
        fits = edit.what == "edited" and _same_interface(now[edit.name], then[edit.name])
        made = _as_block(edit.name, text, others - {edit.name}) if fits else None
        if made is not None:
            old, new, source = made
            changed = _calling(changed, old, new)
            files[f"{new.lower()}.py"] = source
        known.append(Edit(edit.name, edit.what, made[1] if made else ""))
    if files:
        _add(files, blocks, changed, path)
    return Reread(changed, tuple(known), blocks if files else None)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: is too large for a rendered file")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None


def _design(path: Path, stated: str) -> Design:
    """Return the design of that hash: a document in the folder of the file, or else a preset."""
    from designer.presets import presets

    for document in sorted(path.parent.glob("*.json")):
        try:
            found = load(document)
        except UserError:
            continue
        if found.hash() == stated:
            return found
    for preset in presets():
        if preset.design.hash() == stated:
            return preset.design
    raise UserError(f"{path}: its design (hash {stated}) is in no .json of {path.parent}; put it there")


def _parts(text: str, path: Path) -> dict[str, ast.stmt]:
    """Return the top-level classes and functions by name; other statements by their code."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{path}: not valid Python ({error})") from None
    found: dict[str, ast.stmt] = {}
    for one in tree.body[1:]:
        if isinstance(one, ast.ClassDef | ast.FunctionDef):
            found[one.name] = one
        elif not isinstance(one, ast.Import | ast.ImportFrom):
            found[ast.unparse(one).splitlines()[0]] = one
    return found


def _edits(now: Mapping[str, ast.stmt], then: Mapping[str, ast.stmt]) -> Iterator[Edit]:
    for name in [*then, *(name for name in now if name not in then)]:
        if name not in now:
            yield Edit(name, "removed")
        elif name not in then:
            yield Edit(name, "added")
        elif ast.dump(now[name]) != ast.dump(then[name]):
            yield Edit(name, "edited")


def _same_interface(now: ast.stmt, then: ast.stmt) -> bool:
    """Whether an edited class or function is still made and called as declared, with the same weights."""

    def interface(one: ast.AST) -> list[str]:
        if isinstance(one, ast.FunctionDef):
            whole = one.name == "__init__"
            return [ast.dump(one if whole else one.args)]
        return [text for inner in ast.iter_child_nodes(one) for text in interface(inner)]

    return interface(now) == interface(then)


def _as_block(name: str, text: str, edited: set[str]) -> tuple[str, str, str] | None:
    """Return the block that an edited class was, its new name and the file that declares it.

    None for one that was no block, or that uses something else that was `edited`.
    """
    specs = [one for one in catalogue().values() if one.target == name and one.kind in ("module", "function")]
    if len(specs) != 1:
        return None
    old, new = specs[0], _free(f"{name}Edited")
    tree = ast.parse(text)
    defined = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef | ast.FunctionDef)}
    names = _closure(name, defined)
    if edited.intersection(names):
        return None
    code = "\n\n\n".join(str(ast.get_source_segment(text, defined[one])) for one in names)
    code = re.sub(rf"\b{name}\b", new, code)
    source = (
        f'"""{name} as edited in a rendered file; its declaration is that of {old.name}."""\n\n{_IMPORTS}\n'
        f"from designer.spec import BlockSpec, Constraint, Example, Gate, Param, Port, Stability\n\n\n{code}\n\n\n"
        f"SPEC = {_declaration(old, new)}\n"
    )
    return old.name, new, source


def _free(name: str) -> str:
    taken = catalogue().keys() | {one.target for one in catalogue().values()}
    return next(
        one for number in range(1, 1000) if (one := name + ("" if number == 1 else str(number))) not in taken
    )


def _closure(name: str, defined: Mapping[str, ast.stmt]) -> list[str]:
    """The name and what it uses of the same file, dependencies first."""
    found: list[str] = []

    def visit(one: str) -> None:
        for node in ast.walk(defined[one]):
            if isinstance(node, ast.Name) and node.id in defined and node.id not in (one, name, *found):
                visit(node.id)
        found.append(one)

    visit(name)
    return found


def _declaration(old: BlockSpec, new: str) -> str:
    """Return the code of a block's declaration under its new name."""
    file = file_of(old.name)
    calls = [
        node
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "BlockSpec"
    ]
    for node in calls:
        given = {one.arg: one for one in node.keywords}
        if isinstance(given["name"].value, ast.Constant) and given["name"].value.value == old.name:
            copy: Any = ast.parse(ast.unparse(node), mode="eval").body
            for keyword in copy.keywords:
                if keyword.arg in ("name", "target", "title"):
                    keyword.value = ast.Constant(new)
            return ast.unparse(ast.fix_missing_locations(copy))
    raise KeyError(old.name)


def _calling(design: Design, old: str, new: str) -> Design:
    """Return the design with the new block wherever the old one was called or filled a socket."""
    document = to_json(design)

    def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: new if value == old else value for name, value in values.items()}

    document["parameters"] = renamed(document.get("parameters", {}))
    for definition in document["definitions"].values():
        for parameter in definition.get("parameters", {}).values():
            if parameter.get("default") == old:
                parameter["default"] = new
        for node in definition["nodes"].values():
            node["call"] = new if node["call"] == old else node["call"]
            if "params" in node:
                node["params"] = renamed(node["params"])
    return read_design(document)


def _add(files: Mapping[str, str], folder: Path, design: Design, path: Path) -> None:
    """Write the blocks, and make sure that the design with them can be checked and rendered."""
    for name, source in files.items():
        write_atomic(folder / name, source)
    extensions.use([*extensions.block_folders(), folder])
    report = check(design)
    errors = [one for one in report.diagnostics if one.severity == "error"]
    if errors:
        raise DesignError(f"{path}: with the edited blocks the design has errors; first: {errors[0].message}")
    render(design)
