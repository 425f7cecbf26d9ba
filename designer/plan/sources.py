"""Code of the blocks that a model uses, copied from their files with the helpers they need."""

import ast

from designer.catalogue import BlockFile, file_of
from designer.plan.model import Source


def block_sources(targets: dict[str, str]) -> list[Source]:
    """Return the sources for `targets` (block name → class or function), functions first, each once."""
    found: dict[str, Source] = {}
    for block, target in targets.items():
        file = file_of(block)
        for name in _closure(file, target):
            found.setdefault(name, Source(name, _segment(file, name)))
    order = {name: index for index, name in enumerate(found)}
    return sorted(found.values(), key=lambda one: (one.text.startswith("class"), order[one.name]))


def _closure(file: BlockFile, target: str) -> list[str]:
    """The target and the top-level names of its file that it uses, dependencies first."""
    defined = {name for statement in file.tree.body for name in _names(statement)} - {"SPEC", "SPECS"}
    done: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in done or name in trail:
            return
        for node in ast.walk(_statement(file, name)):
            if isinstance(node, ast.Name) and node.id in defined and node.id != name:
                visit(node.id, (*trail, name))
        done.append(name)

    visit(target, ())
    return done


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _statement(file: BlockFile, name: str) -> ast.stmt:
    return next(statement for statement in file.tree.body if name in _names(statement))


def _segment(file: BlockFile, name: str) -> str:
    statement = _statement(file, name)
    first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])
    return "\n".join(file.text.splitlines()[first - 1 : statement.end_lineno])
