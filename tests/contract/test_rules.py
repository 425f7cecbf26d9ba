"""The contract of a rule: it is documented, its bad example breaks it, its good one does not, its fix mends it."""

from types import ModuleType

import pytest

from designer.check import check
from designer.document import dumps, loads
from designer.fixes import apply
from designer.reader import read_design
from designer.rules import modules

each = pytest.mark.parametrize("module", modules(), ids=lambda module: module.RULE.code)


@each
def test_rule_is_documented(module: ModuleType) -> None:
    rule = module.RULE
    assert module.__name__.rpartition(".")[2].startswith(f"{rule.code.lower()}_")
    assert rule.title and rule.what and rule.why and rule.example and rule.instead
    assert rule.family == "structure" or (rule.article and rule.reference)


@each
def test_the_bad_example_breaks_the_rule_and_the_good_one_keeps_it(module: ModuleType) -> None:
    bad, good = (check(read_design(one())) for one in (module.bad, module.good))
    assert module.RULE.code in {one.code for one in bad.diagnostics}, [one.message for one in bad.diagnostics]
    assert good.ok, [one.message for one in good.diagnostics if one.severity == "error"]
    assert module.RULE.code not in {one.code for one in good.diagnostics}


@each
def test_a_fix_removes_what_it_is_for(module: ModuleType) -> None:
    design = read_design(module.bad())
    before = check(design).diagnostics
    for one in (one for one in before if one.code == module.RULE.code and one.fix is not None):
        assert one.fix is not None and one.fix.title
        fixed = apply(design, one.fix)
        assert loads(dumps(fixed)) == fixed
        after = check(fixed).diagnostics
        assert (one.code, one.node, one.port, one.message) not in {
            (a.code, a.node, a.port, a.message) for a in after
        }
        errors = [a for a in after if a.severity == "error"]
        assert len(errors) <= sum(b.severity == "error" for b in before), [a.message for a in errors]


def test_codes_are_unique() -> None:
    codes = [module.RULE.code for module in modules()]
    assert len(codes) == len(set(codes))
