"""Conditions that a block declares on its parameters and sizes."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from designer import expressions
from designer.dims import Dim, Size, UndecidedError
from designer.expressions import ExpressionError
from designer.shapes.binding import Binding
from designer.spec import BlockSpec


def check_constraints(
    spec: BlockSpec,
    binding: Binding,
    report: Callable[..., None],
    require: Callable[..., None],
    symbolic: bool,
) -> bool:
    """Report each condition that fails and return whether none did.

    Conditions on symbolic sizes are handed to `require`: some sizes meet them.
    """
    good = True
    if symbolic:
        return good
    for constraint in spec.constraints:
        try:
            if not expressions.evaluate(constraint.condition, binding.names):
                received = ", ".join(
                    f"{name}={binding.names[name]}"
                    for name in sorted(expressions.names(constraint.condition))
                )
                message = _text(constraint.message, binding.names)
                report("S010", message, received=received, expected=constraint.condition)
                good = False
        except UndecidedError:
            left, relation, right = _comparison(constraint.condition, binding.names)
            require(left, relation, right, _text(constraint.message, binding.names))
        except ExpressionError as error:
            report("S005", f"{constraint.condition}: {error}")
            good = False
    return good


def _text(message: str, names: Mapping[str, Any]) -> str:
    return message.format_map({name: str(value) for name, value in names.items()})


def _comparison(condition: str, names: Mapping[str, Any]) -> tuple[Size, str, Size]:
    """Split "a % b == 0", "a == b" or "a <= b" into a requirement."""
    tree = expressions.parse(condition)
    assert isinstance(tree, ast.Compare), condition
    left, operator, right = tree.left, tree.ops[0], tree.comparators[0]
    if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mod):
        return _size(left.left, names), "%", _size(left.right, names)
    return _size(left, names), "<=" if isinstance(operator, ast.LtE) else "==", _size(right, names)


def _size(node: ast.expr, names: Mapping[str, Any]) -> Size:
    value = expressions.evaluate(ast.unparse(node), names)
    assert isinstance(value, (int, Dim))
    return value
