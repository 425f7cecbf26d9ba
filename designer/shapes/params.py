"""The parameters of one call: given values and expressions, checked against their declarations."""

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any

from designer import expressions
from designer.dims import Dim, UndecidedError
from designer.document import Definition, Node
from designer.expressions import ExpressionError
from designer.kept import kept
from designer.shapes.binding import SizeList
from designer.spec import BlockSpec, Param

Report = Callable[..., None]
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "list": (list, SizeList),
    "block": (str,),
}


@kept
def declarations(target: BlockSpec | Definition) -> Mapping[str, Param]:
    """Return the parameters that a block or a definition declares, by name."""
    if isinstance(target, BlockSpec):
        return {param.name: param for param in target.params}
    return {
        name: Param(
            name,
            parameter.type,  # type: ignore[arg-type]
            parameter.default,
            inferred=parameter.default is None,
            minimum=parameter.minimum,
            maximum=parameter.maximum,
            choices=parameter.choices,
            unit=parameter.unit,
            help=parameter.help,
        )
        for name, parameter in target.parameters.items()
    }


def is_expression(declaration: Param, value: Any) -> bool:
    """Whether a given value is text to evaluate rather than the value itself."""
    if not isinstance(value, str):
        return False
    return declaration.type not in ("str", "block") or value.startswith("=")


def expression_text(value: str) -> str:
    """Return the expression in a parameter value: the text after a leading "=", if any."""
    return value[1:] if value.startswith("=") else value


def resolve(
    node: Node,
    declared: Mapping[str, Param],
    env: Mapping[str, Any],
    report: Report,
    opaque: Callable[[str], Any] | None,
) -> dict[str, Any] | None:
    """Return each declared parameter's value (None: not given, no default), or None after reporting problems.

    `opaque` (symbolic mode) makes a placeholder for an expression whose value depends on the symbols.
    """
    values: dict[str, Any] = {name: declaration.default for name, declaration in declared.items()}
    good = True
    for name, given in node.params.items():
        declaration = declared.get(name)
        if declaration is None and node.call.startswith("="):
            continue  # a socket offers more than each of its fillings takes
        if declaration is None:
            near = difflib.get_close_matches(name, declared, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(declared) or 'none'}"
            report(
                "S004",
                f"{node.call} has no parameter {name!r}{hint}",
                received=name,
                expected=", ".join(declared),
            )
            good = False
            continue
        try:
            values[name] = _value(declaration, given, env, opaque)
        except ExpressionError as error:
            report("S005", f"parameter {name}: {error}", port=name, received=str(given)[:80])
            good = False
            continue
        expected = problem(declaration, values[name])
        if expected:
            message = f"parameter {name} is {values[name]!r:.80}; expected {expected}"
            report("S005", message, port=name, received=repr(values[name])[:80], expected=expected)
            good = False
    return values if good else None


def _value(
    declaration: Param, given: Any, env: Mapping[str, Any], opaque: Callable[[str], Any] | None
) -> Any:
    if not is_expression(declaration, given):
        return given
    text = expression_text(given)
    try:
        value = expressions.evaluate(text, env)
    except UndecidedError as error:
        if opaque is None:
            raise ExpressionError(str(error)) from None
        return opaque(text)
    except ExpressionError:
        # Symbolic mode: sqrt(2*L) of an unknown L has no value yet; a wrong name has none in either mode.
        if opaque is None or expressions.names(text) - env.keys():
            raise
        return opaque(text)
    if declaration.type == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def problem(declaration: Param, value: Any) -> str:
    """Return what was expected where `value` does not fit its declaration, else ""."""
    if value is None:
        return "" if declaration.required else f"a value of type {declaration.type}"
    if isinstance(value, Dim):  # symbolic mode; the concrete walk sees the number
        return ""
    kinds = _PYTHON_TYPES[declaration.type]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"a value of type {declaration.type}"
    if declaration.choices and value not in declaration.choices:
        return f"one of {', '.join(map(str, declaration.choices))}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            return "a finite number"
        if declaration.minimum is not None and value < declaration.minimum:
            return f"at least {declaration.minimum:g}"
        if declaration.maximum is not None and value > declaration.maximum:
            return f"at most {declaration.maximum:g}"
    return ""
