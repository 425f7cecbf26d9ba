"""What a network's source gives its reader: lines, classes, functions, comments, of all that the network needs.

From one class (or function) the walk follows names, imports between the given files, base classes, and methods
by the attributes that kept code mentions. What nothing of this reaches is not counted, nor are imports, file
headers, or code of other packages. A line is code when it is neither blank, nor only a comment, nor docstring.
"""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import median, quantiles

Function = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, str]  # file, name


@dataclass(frozen=True)
class Figures:
    """Lines of code, classes, functions, median and 90th percentile of a function's lines, share of comments."""

    lines: int
    classes: int
    functions: int
    median: float
    p90: float
    comments: float


class File:
    """One source file: its definitions, what its imports name, and what each line is."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        tree = ast.parse(text)
        self.defined = {name: one for one in tree.body for name in _defined(one)}
        self.imported = dict(_imports(tree))
        self.documented = {line for node in ast.walk(tree) for line in _docstring(node)}
        self.commented, self.written = set[int](), set[int]()
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                self.commented.add(token.start[0])
            elif token.type not in _LAYOUT:
                self.written.update(range(token.start[0], token.end[0] + 1))
        self.written -= self.documented

    def lines(self, node: ast.stmt) -> set[int]:
        """The lines of a statement, its decorators and the comments right above it."""
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        while first > 1 and first - 1 in self.commented - self.written:
            first -= 1
        return set(range(first, (node.end_lineno or node.lineno) + 1))


_LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [one.id for one in statement.targets if isinstance(one, ast.Name)]
    return []


def _imports(tree: ast.Module) -> Iterator[tuple[str, Place]]:
    """What each imported name may stand for: a module's last part and the name in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                yield one.asname or one.name, ((node.module or "").rpartition(".")[2], one.name)


def _docstring(node: ast.AST) -> range:
    body = getattr(node, "body", None)
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and body:
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            return range(first.lineno, (first.end_lineno or first.lineno) + 1)
    return range(0)


class Reader:
    """Follows what a class needs through some files."""

    def __init__(self, files: Mapping[str, str], classes: frozenset[str] | None = None) -> None:
        self.files = {PurePosixPath(path).stem: File(path, text) for path, text in files.items()}
        self.classes = classes  # the classes to count, where others are not needed; None: all that are named
        self.kept: dict[Place, ast.stmt] = {}
        self.methods: dict[tuple[Place, str], Function] = {}  # of kept classes, in order
        self.attributes: set[str] = set()

    def module_of(self, name: str) -> str:
        """Return the file that defines `name`."""
        return next(stem for stem, file in self.files.items() if name in file.defined)

    def figures(self, module: str, name: str, *more: str) -> Figures:
        """Return the figures of all that the definition `name` of a file needs, and of `more` of other files."""
        self._keep((module, name))
        for other in more:
            self._keep((self.module_of(other), other))
        while self._reach_methods():
            pass
        code, notes, lengths = 0, 0, []
        for place, node in self.kept.items():
            file = self.files[place[0]]
            lines = file.lines(node)
            if isinstance(node, ast.ClassDef):
                for method in _methods(node):
                    if (place, method.name) in self.methods:
                        lengths.append(len(file.lines(method) & file.written))
                    else:
                        lines -= file.lines(method)
            elif isinstance(node, ast.FunctionDef):
                lengths.append(len(lines & file.written))
            code += len(lines & file.written)
            notes += len(lines & (file.commented | file.documented))
        return Figures(
            lines=code,
            classes=sum(isinstance(node, ast.ClassDef) for node in self.kept.values()),
            functions=len(lengths),
            median=float(median(lengths)),
            p90=round(quantiles(lengths, n=10, method="inclusive")[-1], 1),
            comments=round(notes / (code + notes), 3),
        )

    def _keep(self, place: Place) -> None:
        if place in self.kept:
            return
        node = self.files[place[0]].defined[place[1]]
        if isinstance(node, ast.ClassDef) and self.classes is not None and node.name not in self.classes:
            return
        self.kept[place] = node
        if isinstance(node, ast.ClassDef):
            for part in (*node.bases, *node.decorator_list, *node.body):
                if not isinstance(part, Function):
                    self._read(place[0], part)
        else:
            self._read(place[0], node)

    def _read(self, module: str, node: ast.AST) -> None:
        """Keep whatever a piece of code names."""
        file = self.files[module]
        for one in ast.walk(node):
            if isinstance(one, ast.Attribute):
                self.attributes.add(one.attr)
                if isinstance(one.value, ast.Name):  # a name of an imported module
                    _, inner = file.imported.get(one.value.id, ("", ""))
                    if inner in self.files and one.attr in self.files[inner].defined:
                        self._keep((inner, one.attr))
            elif isinstance(one, ast.Name) and one.id in file.defined:
                self._keep((module, one.id))
            elif isinstance(one, ast.Name) and one.id in file.imported:
                source, name = file.imported[one.id]
                if source in self.files and name in self.files[source].defined:
                    self._keep((source, name))

    def _reach_methods(self) -> bool:
        """Keep the methods that kept code mentions; return whether there was a new one."""
        found = [
            (place, method)
            for place, node in self.kept.items()
            if isinstance(node, ast.ClassDef)
            for method in _methods(node)
            if (place, method.name) not in self.methods
            and (method.name in self.attributes or method.name in ("__init__", "__call__", "forward"))
        ]
        for place, method in found:
            self.methods[place, method.name] = method
            self._read(place[0], method)
        return bool(found)


def _methods(node: ast.ClassDef) -> list[Function]:
    return [one for one in node.body if isinstance(one, Function)]
