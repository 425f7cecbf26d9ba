"""The contract of a rule: it is documented, its bad example breaks it, its good one does not, its fix mends it."""

import re
from types import ModuleType

import pytest

from designer.check import check
from designer.document import dumps, loads
from designer.fixes import apply, fix_all
from designer.reader import read_design
from designer.rules import modules, rank
from designer.rules.pages import page

each = pytest.mark.parametrize("module", modules(), ids=lambda module: module.RULE.code)


@each
def test_rule_is_documented(module: ModuleType) -> None:
    rule = module.RULE
    assert module.__name__.rpartition(".")[2].startswith(f"{rule.code.lower()}_")
    assert rule.title and rule.what and rule.why and rule.example and rule.instead
    assert rule.family == "structure" or (rule.article and rule.reference)
    assert 0 <= rule.effect <= 1 and (rule.family == "advice" or rule.effect == 1)
    headings = ["What it does", "Why is this bad", "Example", "Use instead", "Expected effect"]
    headings += ["Article", "Paper"] if rule.family != "structure" else []
    assert re.findall(r"^\*\*(.+?)\.\*\* \S", page(rule), re.MULTILINE)[: len(headings)] == headings


@each
def test_the_bad_example_breaks_the_rule_and_the_good_one_keeps_it(module: ModuleType) -> None:
    bad, good = (check(read_design(one()), notes=True) for one in (module.bad, module.good))
    found = [one for one in bad.diagnostics if one.code == module.RULE.code]
    assert found, [one.message for one in bad.diagnostics]
    assert all(one.node and one.message for one in found)
    assert module.RULE.family == "structure" or all(one.received or one.expected for one in found)
    others = {one.code for one in bad.diagnostics if one.severity == "error"} - {module.RULE.code}
    assert not others, others
    assert good.ok, [one.message for one in good.diagnostics if one.severity == "error"]
    assert module.RULE.code not in {one.code for one in good.diagnostics}
    assert list(bad.diagnostics) == sorted(bad.diagnostics, key=rank)


@each
def test_notes_are_said_on_request_alone(module: ModuleType) -> None:
    said = module.RULE.code in {one.code for one in check(read_design(module.bad())).diagnostics}
    assert said == (module.RULE.effect > 0)


@each
def test_a_fix_removes_what_it_is_for(module: ModuleType) -> None:
    design = read_design(module.bad())
    before = check(design, notes=True).diagnostics
    for one in (one for one in before if one.code == module.RULE.code and one.fix is not None):
        assert one.fix is not None and one.fix.title and one.fix.operations
        fixed = apply(design, one.fix)
        assert loads(dumps(fixed)) == fixed and dumps(design) == dumps(read_design(module.bad()))
        after = check(fixed, notes=True)
        assert (one.code, one.node, one.port) not in {(a.code, a.node, a.port) for a in after.diagnostics}
        new = {a.code for a in after.diagnostics if a.severity == "error"} - {b.code for b in before}
        assert not new, [a.message for a in after.diagnostics]
    mended, applied = fix_all(design, module.RULE.code)
    if applied:
        assert module.RULE.code not in {a.code for a in check(mended, notes=True).diagnostics}
        assert module.RULE.family == "structure" or check(mended).ok or not check(design).ok


def test_codes_are_unique() -> None:
    codes = [module.RULE.code for module in modules()]
    assert len(codes) == len(set(codes))
