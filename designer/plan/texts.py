"""Source text of each argument: as the design wrote it, as inferred symbolically, or as a literal.

Each text is checked against the values of the concrete walk at every call of the definition, so a rendered
constructor argument is never a guess.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from designer import expressions
from designer.dims import Dim, UndecidedError
from designer.expressions import ExpressionError
from designer.plan.bound import bound_values
from designer.plan.variants import Variant
from designer.shapes.binding import SizeList
from designer.shapes.frame import Call, Frame
from designer.shapes.params import expression_text, is_expression
from designer.spec import Param


class InexpressibleError(Exception):
    """An argument differs between the calls of a definition and no parameter says how."""

    def __init__(self, definition: str, node: str, parameter: str) -> None:
        super().__init__(f"{definition}/{node}: {parameter}")
        self.definition, self.node, self.parameter = definition, node, parameter


def argument_text(
    declaration: Param,
    symbolic: Call,
    sites: list[Frame],
    env_names: Mapping[str, Any],
    folded: Mapping[str, Any],
) -> str:
    """Return grammar text for one argument of a call, valid at every site of the enclosing definition.

    `folded` are parameters of the enclosing definition that are constants. Raises InexpressibleError when the
    value differs between sites in a way that no parameter expresses.
    """
    node = symbolic.node
    given = node.params.get(declaration.name)
    if declaration.name in node.params and not is_expression(declaration, given):
        return repr(float(given) if declaration.type == "float" and type(given) is int else given)
    candidates = []
    if declaration.name in node.params:
        candidates.append(fold(expression_text(str(given)), folded))
    elif declaration.default is not None:
        return repr(declaration.default)
    else:
        candidates.append(_inferred(declaration.name, symbolic))
    values = list(site_values(node.id, declaration.name, sites))
    for text in candidates:
        if text and all(_equals(text, {**env_names, **env}, value) for env, value in values):
            return text
    return _literal(node.id, declaration.name, sites, values)


def fold(text: str, constants: Mapping[str, Any]) -> str:
    """Replace names that are constants by their values and simplify choices that are thereby decided."""
    if is_constant(text) or not constants.keys() & expressions.names(text):
        return text

    class Fold(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.Constant(constants[node.id]) if node.id in constants else node

        def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
            self.generic_visit(node)
            if isinstance(node.test, ast.Constant):
                return node.body if node.test.value else node.orelse
            return node

        def visit_Compare(self, node: ast.Compare) -> ast.expr:
            self.generic_visit(node)
            if all(is_constant(ast.unparse(one)) for one in (node.left, *node.comparators)):
                return ast.Constant(expressions.evaluate(ast.unparse(node), {}))
            return node

        def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
            self.generic_visit(node)
            decisive = isinstance(node.op, ast.Or)  # the operand that decides the whole
            known = [bool(one.value) for one in node.values if isinstance(one, ast.Constant)]
            rest = [one for one in node.values if not isinstance(one, ast.Constant)]
            if decisive in known or not rest:
                return ast.Constant(decisive in known)
            return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)

    tree = Fold().visit(ast.parse(text.strip(), mode="eval"))
    return ast.unparse(ast.fix_missing_locations(tree))


def _inferred(name: str, symbolic: Call) -> str:
    """The expression found by the symbolic walk; the first iteration may differ from the others."""
    found = [_text(one.params.get(name, one.names.get(name))) for one in symbolic.iterations]
    if not found or "" in found:
        return ""
    if len(set(found)) == 1:
        return found[0]
    return f"{found[0]} if i == 0 else {found[-1]}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        parts = [_text(item) for item in value]
        return f"[{', '.join(parts)}]" if all(parts) else ""
    text = str(value) if isinstance(value, (int, Dim, SizeList)) else repr(value)
    return "" if "?" in text or value is None else text


def site_values(node: str, name: str, sites: list[Frame]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield the environment and the value of an argument at every concrete call."""
    for site in sites:
        call = site.calls.get(node)
        for index, iteration in enumerate(call.iterations if call else ()):
            env: dict[str, Any] = {**bound_values(site), **site.params}
            if call is not None and call.node.repeat is not None:
                env |= {"i": index, "L": call.count}
            yield env, iteration.params.get(name, iteration.names.get(name))


def _equals(text: str, env: Mapping[str, Any], value: Any) -> bool:
    try:
        result = expressions.evaluate(text, env)
    except (ExpressionError, UndecidedError):
        return False
    return bool(result == (value.items() if isinstance(value, SizeList) else value))


def _literal(node: str, name: str, sites: list[Frame], values: list[tuple[dict[str, Any], Any]]) -> str:
    plain = [value for _, value in values]
    if plain and all(value == plain[0] for value in plain):
        return _text(plain[0])
    by_index: dict[int, Any] = {}
    for env, value in values:
        if by_index.setdefault(env.get("i", 0), value) != value:
            raise InexpressibleError(sites[0].definition.name, node, name)
    return f"[{', '.join(_text(by_index[index]) for index in sorted(by_index))}][i]"


def python_source(text: str, count: str = "") -> str:
    """Return grammar text as Python source; L, the repeat count, is replaced by its own source."""
    if is_constant(text):  # a literal may be longer than an expression
        return quoted(ast.unparse(ast.parse(text, mode="eval")))
    tree = ast.parse(expressions.to_source(text), mode="eval")

    class Count(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.parse(count, mode="eval").body if node.id == "L" and count else node

    return quoted(close_powers(ast.unparse(Count().visit(tree))))


def close_powers(source: str) -> str:
    """Leave no space around a power of two plain operands, as the formatter does."""
    plain = r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|\d+(?:\.\d+)?)"
    return re.sub(rf"(?<![\w.)\]]){plain} \*\* {plain}(?![\w.(\[])", r"\1**\2", source)


def quoted(source: str) -> str:
    """Use double quotes for a lone string literal, as the formatter does."""
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return source
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return re.sub(r"e-0(?=\d)", "e-", source)  # 1e-6, as people write it


def plain(text: str) -> str:
    """Free text as one line that cannot end a docstring or a comment, without invisible characters."""
    line = " ".join(text.replace("\\", "/").replace('"', "'").split())
    return "".join(character for character in line if character.isprintable())


def is_constant(text: str) -> bool:
    """Whether the text is a literal."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return False
    return True


def choice_condition(variant: Variant, order: Mapping[int, Variant], texts: Mapping[str, str]) -> str:
    """Return the condition on the index i under which a repeated call constructs `variant`."""
    for name, value in variant.static.items():
        tree = ast.parse(texts.get(name, "0"), mode="eval").body
        if isinstance(tree, ast.IfExp) and isinstance(tree.body, ast.Constant) and tree.body.value == value:
            return ast.unparse(tree.test)
    chosen = [index for index, one in sorted(order.items()) if one is variant]
    if chosen == list(range(chosen[0], chosen[-1] + 1)):
        return f"i == {chosen[0]}" if len(chosen) == 1 else f"{chosen[0]} <= i <= {chosen[-1]}"
    return f"i in {tuple(chosen)}"
