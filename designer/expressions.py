"""The small safe language of parameters, shapes and costs: `4*hidden_size`, `1/sqrt(2*L)`, `c[i] if i > 0 else 64`.

Text is parsed with `ast` and walked here; nothing is ever evaluated as Python. Values are numbers, booleans,
strings, lists of these, and symbolic sizes (`designer.dims.Dim`).
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from designer.dims import Dim, UndecidedError

MAX_LENGTH = 400
MAX_DEPTH = 40
MAX_ITEMS = 10_000
MAX_INTEGER = 2**63


class ExpressionError(Exception):
    """The expression cannot be parsed or has no value; the message says what and, where possible, where."""


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _equal(left: Any, right: Any) -> bool:
    """Equality that refuses to guess: two sizes are equal, different, or `UndecidedError`."""
    if isinstance(left, Dim) or isinstance(right, Dim):
        if not isinstance(left, (int, Dim)) or not isinstance(right, (int, Dim)):
            raise UndecidedError(f"whether {left} equals {right} is not known")
        difference = (Dim.of(left) - Dim.of(right)).constant
        if difference is None:
            raise UndecidedError(f"whether {left} equals {right} depends on the sizes")
        return difference == 0
    return bool(left == right)


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda left, right: not _equal(left, right),
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "len": len,
    "int": int,
    "sum": sum,
}
# How each function is spelled in rendered Python source.
SOURCE_NAMES = {"sqrt": "math.sqrt", "exp": "math.exp", "log": "math.log"}
_NODES = (
    ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Subscript,
    ast.Call, ast.List, ast.Tuple,
)  # fmt: skip


@lru_cache(maxsize=8192)
def parse(text: str) -> ast.expr:
    """Parse an expression. Raises ExpressionError for anything outside the language."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"is {len(text)} characters long; at most {MAX_LENGTH} are allowed")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"cannot be read: {text!r:.80}") from None
    _check(tree, 0)
    return tree


def _check(node: ast.expr, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ExpressionError("is nested too deeply")
    if not isinstance(node, _NODES):
        raise ExpressionError(f"may not contain {type(node).__name__}")
    if isinstance(node, ast.Constant) and not isinstance(node.value, (int, float, str, bool, type(None))):
        raise ExpressionError(f"may not contain the constant {node.value!r:.40}")
    if isinstance(node, ast.Constant):
        _bounded(node.value)
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            raise ExpressionError(f"calls an unknown function; available are {', '.join(sorted(FUNCTIONS))}")
        children: list[ast.expr] = node.args
    else:
        children = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    if isinstance(node, ast.BinOp) and type(node.op) not in _BINARY and not isinstance(node.op, ast.Pow):
        raise ExpressionError(f"may not use the operator {type(node.op).__name__}")
    if isinstance(node, ast.UnaryOp) and type(node.op) not in _UNARY:
        raise ExpressionError(f"may not use the operator {type(node.op).__name__}")
    if isinstance(node, ast.Compare) and any(type(op) not in _COMPARE for op in node.ops):
        raise ExpressionError("may only compare with == != < <= > >= in")
    for child in children:
        _check(child, depth + 1)


@lru_cache(maxsize=8192)
def names(text: str) -> frozenset[str]:
    """Return the names that the expression reads."""
    found = (node.id for node in ast.walk(parse(text)) if isinstance(node, ast.Name))
    return frozenset(name for name in found if name not in FUNCTIONS)


Env = Mapping[str, Any]
Program = Callable[[Env], Any]


def evaluate(text: str, env: Env) -> Any:
    """Return the value of an expression in `env`.

    Raises ExpressionError for a name without value or an operation without result, and
    `designer.dims.UndecidedError` for a comparison of symbolic sizes that depends on their value.
    """
    try:
        return _bounded(_program(text)(env))
    except (ExpressionError, UndecidedError):
        raise
    except (ArithmeticError, ValueError, TypeError, IndexError, KeyError) as error:
        raise ExpressionError(f"{text!r} has no value: {error}") from None


@lru_cache(maxsize=8192)
def _program(text: str) -> Program:
    return _compiled(parse(text))


def _compiled(node: ast.expr) -> Program:
    """Return the function of the environment that a syntax tree describes: the tree is looked at once."""
    match node:
        case ast.Constant(value=value):
            return lambda env: value
        case ast.Name(id=name):
            return _reading(name)
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(op, _compiled(left), _compiled(right))
        case ast.UnaryOp(op=op, operand=operand):
            unary, inner = _UNARY[type(op)], _compiled(operand)
            return lambda env: unary(inner(env))
        case ast.BoolOp(op=op, values=values):
            return _junction(isinstance(op, ast.Or), [_compiled(value) for value in values])
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _comparison(
                _compiled(left),
                [(_COMPARE[type(op)], _compiled(one)) for op, one in zip(ops, comparators, strict=True)],
            )
        case ast.IfExp(test=test, body=body, orelse=orelse):
            condition, then, otherwise = _compiled(test), _compiled(body), _compiled(orelse)
            return lambda env: then(env) if condition(env) else otherwise(env)
        case ast.Subscript(value=value, slice=index):
            items, at = _compiled(value), _compiled(index)
            return lambda env: items(env)[at(env)]
        case ast.Call(func=ast.Name(id=name), args=args):
            function, given = FUNCTIONS[name], [_compiled(arg) for arg in args]
            return lambda env: _bounded(function(*[one(env) for one in given]))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            parts = [_compiled(element) for element in elements]
            return lambda env: _bounded([part(env) for part in parts])
    raise ExpressionError(f"may not contain {type(node).__name__}")


def _reading(name: str) -> Program:
    def read(env: Env) -> Any:
        if name not in env:
            raise ExpressionError(f"the name {name!r} has no value here; available are {_available(env)}")
        return env[name]

    return read


def _junction(is_or: bool, values: Sequence[Program]) -> Program:
    def join(env: Env) -> Any:
        result: Any = not is_or
        for value in values:
            result = value(env)
            if bool(result) is is_or:
                break
        return result

    return join


def _comparison(first: Program, others: Sequence[tuple[Callable[[Any, Any], Any], Program]]) -> Program:
    def compare(env: Env) -> bool:
        value = first(env)
        for relation, other in others:
            before, value = value, other(env)
            if not relation(before, value):
                return False
        return True

    return compare


def _arithmetic(op: ast.operator, left: Program, right: Program) -> Program:
    if isinstance(op, ast.Pow):
        return lambda env: _bounded(_power(left(env), right(env)))
    operation, is_product = _BINARY[type(op)], isinstance(op, ast.Mult)

    def compute(env: Env) -> Any:
        a, b = left(env), right(env)
        if type(a) is int and type(b) is int:
            return _bounded(operation(a, b))
        if is_product:
            _check_product(a, b)
        if isinstance(a, str) or isinstance(b, str):
            raise ExpressionError("text has no arithmetic")
        return _bounded(operation(a, b))

    return compute


def _check_product(left: Any, right: Any) -> None:
    """Refuse a list repeated too often before it is made."""
    if isinstance(left, (list, str)) or isinstance(right, (list, str)):
        items, count = (left, right) if isinstance(left, (list, str)) else (right, left)
        if not isinstance(count, int) or _leaves(items) * max(count, 0) > MAX_ITEMS:
            raise ExpressionError(f"a list may have at most {MAX_ITEMS} items")


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, Dim):
        return base**exponent
    if abs(exponent) > 1024 or (
        isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > 64
    ):
        raise ExpressionError("the power is too large")
    return base**exponent


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ExpressionError("the number is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the number is not finite")
    if isinstance(value, complex):
        raise ExpressionError("the number is not real")
    if isinstance(value, list) and _leaves(value) > MAX_ITEMS:
        raise ExpressionError(f"a list may have at most {MAX_ITEMS} items")
    return value


def _leaves(value: Any) -> int:
    """How many items a list holds, those of the lists in it included; how many characters a text has."""
    if isinstance(value, list):
        return max(1, sum(map(_leaves, value)))
    return len(value) if isinstance(value, str) else 1


def _available(env: Mapping[str, Any]) -> str:
    shown = sorted(env)
    return ", ".join(shown[:12]) + (", …" if len(shown) > 12 else "") if shown else "none"


def to_source(text: str) -> str:
    """Return the expression as Python source with canonical spacing, functions by their `math` names."""

    class Rename(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.Call:
            self.generic_visit(node)
            assert isinstance(node.func, ast.Name)
            return ast.Call(ast.Name(SOURCE_NAMES.get(node.func.id, node.func.id)), node.args, [])

    tree = ast.parse(ast.unparse(parse(text)), mode="eval")  # a fresh tree: the cached one stays as it is
    return ast.unparse(Rename().visit(tree))
