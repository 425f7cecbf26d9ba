"""Symbolic sizes agree with integers: whatever is built from +, −, ·, //, % and ** evaluates to the same number."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer import expressions
from designer.dims import Dim, UndecidedError, simplify

NAMES = ("H", "W", "C")
values = st.fixed_dictionaries({name: st.integers(1, 200) for name in NAMES})


def _trees() -> st.SearchStrategy[Any]:
    leaves = st.sampled_from(NAMES) | st.integers(-9, 9)
    operators = st.sampled_from(["+", "-", "*"])
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(operators, inner, inner)
            | st.tuples(st.sampled_from(["//", "%"]), inner, st.integers(1, 12))
            | st.tuples(st.just("**"), inner, st.integers(0, 2))
        ),
        max_leaves=8,
    )


def _build(tree: Any, leaf: Mapping[str, Any]) -> Any:
    """Apply the operators of a tree to the leaves: to sizes, or to integers."""
    if not isinstance(tree, tuple):
        return leaf[tree] if isinstance(tree, str) else tree
    operator, left, right = tree[0], _build(tree[1], leaf), _build(tree[2], leaf)
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
    return left**right


symbols = {name: Dim.symbol(name) for name in NAMES}


@given(_trees(), values)
def test_a_size_evaluates_to_what_integers_give(tree: Any, at: dict[str, int]) -> None:
    assert Dim.of(_build(tree, symbols)).evaluate(at) == _build(tree, at)


@given(_trees(), values)
def test_the_text_of_a_size_reads_as_the_same_size(tree: Any, at: dict[str, int]) -> None:
    size = Dim.of(_build(tree, symbols))
    if len(str(size)) <= expressions.MAX_LENGTH and all(abs(factor) < 2**40 for _, factor in size.terms):
        again = Dim.of(expressions.evaluate(str(size), symbols))
        assert again.evaluate(at) == size.evaluate(at)


@given(_trees(), _trees(), _trees())
def test_sums_and_products_are_canonical(a: Any, b: Any, c: Any) -> None:
    left, middle, right = (Dim.of(_build(tree, symbols)) for tree in (a, b, c))
    assert left + middle == middle + left and left * middle == middle * left
    assert (left + middle) + right == left + (middle + right)
    assert left * (middle + right) == left * middle + left * right
    assert left - left == Dim.of(0)


@given(_trees(), st.integers(1, 12), st.integers(1, 12))
def test_laws_of_division(tree: Any, first: int, second: int) -> None:
    size = Dim.of(_build(tree, symbols))
    assert size * first // first == simplify(size)
    assert (size + first * second) // first == simplify(Dim.of(size // first) + second)
    assert Dim.of(size // first) * first + size % first == size


@given(values, st.integers(1, 12), st.integers(1, 12))
def test_nested_floors_are_one(at: dict[str, int], first: int, second: int) -> None:
    height = Dim.symbol("H")
    assert Dim.of(Dim.of(height // first) // second) == Dim.of(height // (first * second))
    assert (Dim.of(height // first) + 1) // second == (height + first) // (first * second)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        ("2*(C+C)", "4 * C"),
        ("H//2//2", "H // 4"),
        ("(H+2-3)//2+1", "(H + 1) // 2"),
        ("C*H - C*H", "0"),
        ("(H*W)//W", "H"),
        ("4*C//2", "2 * C"),
        ("3*(H//2)", "3 * (H // 2)"),
    ],
)
def test_canonical_text(size: str, text: str) -> None:
    assert str(expressions.evaluate(size, symbols)) == text


@pytest.mark.parametrize(
    ("left", "right", "answer"), [("H+1", "H", True), ("H", "H", False), ("H-2", "H", False)]
)
def test_comparisons_that_sizes_do_not_change(left: str, right: str, answer: bool) -> None:
    assert expressions.evaluate(f"{left} > {right}", symbols) is answer
    assert expressions.evaluate(f"{right} < {left}", symbols) is answer
    assert expressions.evaluate(f"not {left} <= {right}", symbols) is answer


@pytest.mark.parametrize("question", ["H > 3", "H == W", "H != 3", "H % 2 == 0", "1 if H else 2", "H > 0.5"])
def test_a_question_that_sizes_decide_is_not_guessed(question: str) -> None:
    with pytest.raises(UndecidedError):
        expressions.evaluate(question, symbols)


@pytest.mark.parametrize("size", ["H // 0", "H % 0", "H / 2", "H ** 9", "H ** -1", "2 ** H"])
def test_operations_without_result(size: str) -> None:
    with pytest.raises(expressions.ExpressionError):
        expressions.evaluate(size, symbols)
