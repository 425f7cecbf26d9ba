"""What a type checker knows of the values in forward: calls of modules return Any, which no method may return.

torch annotates its functions and the methods of tensors, `nn.Module.__call__` returns Any, and an operator with
an operand of type Any has a value of type Any. What is declared keeps its type, other variables take that of what
they are assigned.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

_UNTYPED = frozenset({"unflatten", "split"})  # methods of tensors that torch leaves without annotations


def is_known(source: str, names: Iterable[str]) -> bool:
    """Whether a type checker knows the type of an expression, given the names whose type it knows."""
    return _known(ast.parse(source, mode="eval").body, frozenset(names))


def first_assignments(lines: Sequence[str], arguments: Iterable[str]) -> Mapping[str, tuple[int, bool]]:
    """Return for each variable the index of the line that assigns it first and whether its type is known at the end."""
    declared = set(arguments)
    found = {name: (-1, True) for name in declared}
    owners = [index for index, line in enumerate(lines) for _ in line.split("\n")]
    for statement in _statements(ast.parse("\n".join(lines)).body):
        index = owners[statement.lineno - 1]
        known = frozenset(name for name, (_, sure) in found.items() if sure)
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found.setdefault(statement.target.id, (index, True))
            declared.add(statement.target.id)
        elif isinstance(statement, ast.Assign):
            sure = _known(statement.value, known)
            for name in ast.walk(statement.targets[0]):
                if isinstance(name, ast.Name) and name.id not in declared:
                    first, before = found.get(name.id, (index, True))
                    found[name.id] = first, before and sure
    return found


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, (ast.For, ast.If)):
            yield from _statements(statement.body)


def _known(node: ast.expr, names: frozenset[str]) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in names
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch" | "F"))):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
            return False
        case ast.Call(func=ast.Attribute(value=value, attr=method)):
            return method not in _UNTYPED and _known(value, names)
        case ast.Name(id=name):
            return name in names or name == "self"
        case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Starred(value=value):
            return _known(value, names)
        case ast.BinOp(left=left, right=right):
            return _known(left, names) and _known(right, names)
        case ast.UnaryOp(operand=operand):
            return _known(operand, names)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return all(_known(element, names) for element in elements)
    return isinstance(node, ast.Constant)
