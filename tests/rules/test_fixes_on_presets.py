"""What rules offer for published designs: each fix alone leaves a design that is sound, renders and can be taken back."""

import ast

import pytest

from designer.check import check
from designer.document import dumps
from designer.fixes import apply, fix_all
from designer.operations import apply_operation
from designer.presets import build, presets
from designer.render import render

TINY = [preset.id for preset in presets() if "tiny" in preset.id]


@pytest.mark.parametrize("preset", TINY)
def test_each_fix_leaves_a_sound_design(preset: str) -> None:
    design = build(preset)
    before = dumps(design)
    for one in check(design, notes=True).diagnostics:
        if one.fix is None:
            continue
        fixed = apply(design, one.fix)
        report = check(fixed, notes=True)
        assert report.ok, (
            one.code,
            [each.message for each in report.diagnostics if each.severity == "error"],
        )
        assert (one.code, one.node) not in {(each.code, each.node) for each in report.diagnostics}
        ast.parse(render(fixed).files["model.py"])
    assert dumps(design) == before


@pytest.mark.parametrize(("preset", "places"), [("ddpm-tiny", 2), ("adm-tiny", 3)])
def test_attention_is_left_out_of_the_levels_of_many_pixels(preset: str, places: int) -> None:
    design = build(preset)
    shape = [design.training["sample_shape"][0], 128, 128]
    design = apply_operation(design, {"op": "training", "name": "sample_shape", "value": shape})
    fixed, applied = fix_all(design, "A013")
    assert [one.code for one in applied] == ["A013"] * places and check(fixed).ok
    assert "A013" not in {one.code for one in check(fixed).diagnostics}
