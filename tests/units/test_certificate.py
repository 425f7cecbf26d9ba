"""The certificate admits exactly the sizes at which every requirement holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer import expressions
from designer.dims import Dim
from designer.shapes.binding import Requirement
from designer.shapes.certificate import certify

SYMBOLS = {name: Dim.symbol(name) for name in ("H", "W")}


def _requirement(left: str, relation: str, right: str) -> Requirement:
    sizes = (expressions.evaluate(side, SYMBOLS) for side in (left, right))
    return Requirement(next(sizes), relation, next(sizes), "Net/node", f"{left} {relation} {right}")


@pytest.mark.parametrize(
    ("requirements", "text"),
    [
        ([], "valid for H ≥ 1"),
        ([("2*(H//2)", "==", "H")], "valid for H ≡ 0 (mod 2)"),
        ([("H", "%", "4"), ("H", "%", "6")], "valid for H ≡ 0 (mod 12)"),
        ([("2*(H//2)", "==", "H"), ("2*(H//2//2)", "==", "H//2")], "valid for H ≡ 0 (mod 4)"),
        ([("(H+1)//2", "==", "H//2+1")], "valid for H ≡ 1 (mod 2)"),
        ([("1", "<=", "H//512")], "valid for H ≥ 512"),
        ([("H//2", "==", "16")], "valid for H ≥ 32, ≤ 33"),
        ([("H//2", "==", "16"), ("H", "%", "2")], "valid for H = 32"),
        ([("77", "==", "H")], "valid for H = 77"),
        ([("1", "<=", "H//8")], "valid for H ≥ 8"),
        ([("H", "<=", "32"), ("H", "%", "8")], "valid for H ≡ 0 (mod 8), ≤ 32"),
        ([("H", "==", "W")], "valid for H ≥ 1; H = W"),
    ],
)
def test_text(requirements: list[tuple[str, str, str]], text: str) -> None:
    certificate, problems = certify([_requirement(*one) for one in requirements], ["H"])
    assert not problems and str(certificate).replace("; W ≥ 1", "") == text


@pytest.mark.parametrize(
    "requirements",
    [
        [("H", "==", "H//2")],
        [("2*(H//2)", "==", "H"), ("2*(H//2)+1", "==", "H")],
        [("H", "<=", "4"), ("H", "%", "8")],
        [("16", "<=", "H"), ("H", "<=", "8")],
        [("H", "==", "32"), ("H", "==", "16")],
        [("H//2", "==", "16"), ("H", "%", "5")],
        [("(H+1)//2", "==", "H//2+1"), ("4", "<=", "H"), ("H", "<=", "4")],
    ],
)
def test_what_no_size_meets_is_an_error_that_names_the_node(requirements: list[tuple[str, str, str]]) -> None:
    certificate, problems = certify([_requirement(*one) for one in requirements], ["H"])
    assert certificate is None
    assert [(one.code, one.severity, one.node) for one in problems] == [("S016", "error", "Net/node")]
    assert "no size H fits" in problems[0].message


_halves = st.integers(1, 4).map(lambda n: ("*".join(["2"] * n) + "*(H" + "//2" * n + ")", "==", "H"))
_multiples = st.sampled_from([2, 3, 4, 6, 8]).map(lambda n: ("H", "%", str(n)))
_bounds = st.integers(1, 40).map(lambda n: (str(n), "<=", "H")) | st.integers(20, 90).map(
    lambda n: ("H", "<=", str(n))
)
_floors = st.tuples(st.integers(1, 6), st.integers(1, 4)).map(lambda p: (str(p[0]), "<=", f"H//{p[1]}"))


_odd = st.just(("(H+1)//2", "==", "H//2+1"))
_fixed = st.tuples(st.integers(1, 4), st.integers(1, 40)).map(lambda p: (f"H//{p[0]}", "==", str(p[1])))


@given(st.lists(_halves | _multiples | _bounds | _floors | _odd | _fixed, max_size=4))
def test_the_certificate_is_exact(texts: list[tuple[str, str, str]]) -> None:
    requirements = [_requirement(*one) for one in texts]
    certificate, problems = certify(requirements, ["H"])
    sizes = [size for size in range(1, 300) if all(one.holds({"H": size}) for one in requirements)]
    assert (certificate is None) == bool(problems)
    if certificate is None:
        assert not sizes
        return
    axis = certificate.axis("H")
    assert axis is not None
    assert [size for size in range(1, 300) if axis.admits(size)] == sizes
    assert axis.first(3) == sizes[:3]


def test_sides_that_differ_by_what_only_grows_are_never_equal() -> None:
    certificate, problems = certify([_requirement("2*H*W", "==", "H*W")], ["H", "W"])
    assert certificate is None and problems[0].code == "S016" and "2 against 1" in problems[0].message
