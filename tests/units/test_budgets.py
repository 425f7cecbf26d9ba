"""Budgets: read, checked at their own operating point, reported with their use, outside the hash."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from designer.check import check
from designer.cli import main
from designer.diff import diff
from designer.document import Design, dumps, loads, save, to_json
from designer.errors import UserError
from designer.fixes import fix_all
from designer.presets import build
from designer.reader import read_design
from designer.summary import summarize


def budgeted(**budgets: Any) -> Design:
    """The smallest DiT with these budgets."""
    return read_design({**to_json(build("dit-tiny")), "budgets": budgets})


def test_a_design_within_its_budgets_is_sound() -> None:
    design = budgeted(parameters=400_000, flops=1e9, training_memory=8e6, at={"B": 2})
    assert check(design).ok
    assert loads(dumps(design)) == design
    assert design.hash() == build("dit-tiny").hash()
    assert {one.what for one in diff(build("dit-tiny"), design).changes} == {
        f"budget {name}" for name in ("parameters", "flops", "training_memory", "at")
    }


def test_each_budget_that_is_exceeded_is_an_error_that_says_where_it_goes() -> None:
    report = check(budgeted(parameters=1000, flops=1000, inference_memory=1000, training_memory=1000))
    found = {one.port: one for one in report.diagnostics if one.code == "S019"}
    assert not report.ok and set(found) == {"parameters", "flops", "inference_memory", "training_memory"}
    assert found["parameters"].received == f"{summarize(build('dit-tiny')).parameters:,}"
    assert found["parameters"].expected == "at most 1,000"
    assert all("blocks (" in one.message for one in found.values())


def test_checkpointing_is_offered_where_it_brings_training_under_the_budget() -> None:
    plain = summarize(build("dit-tiny"), {"B": 2}).memory
    between = (plain.training + plain.training_checkpointed) // 2
    design = budgeted(training_memory=between, at={"B": 2})
    fixed, applied = fix_all(design, "S019")
    assert [one.title for one in applied] == ["Checkpoint the repeats"]
    assert check(fixed).ok and fixed.definitions["DiT"].nodes["blocks"].checkpoint
    assert summarize(fixed, {"B": 2}).memory.training == plain.training_checkpointed


@pytest.mark.parametrize(
    ("budgets", "place"),
    [
        ({"parameters": -1}, "budgets.parameters"),
        ({"flops": "many"}, "budgets.flops"),
        ({"memory": 1}, "budgets.memory"),
        ({"at": {"B": 0}}, "budgets.at.B"),
        ({"precision": "int8"}, "budgets.precision"),
    ],
)
def test_a_budget_that_cannot_be_read_is_refused_by_name(budgets: dict[str, Any], place: str) -> None:
    with pytest.raises(UserError, match=place):
        budgeted(**budgets)


def test_a_size_that_the_design_does_not_have_is_an_error() -> None:
    (found,) = (one for one in check(budgeted(flops=1, at={"Q": 4})).diagnostics if one.code == "S019")
    assert "no free size 'Q'" in found.message


def test_commands_show_the_use_of_budgets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "design.json"
    save(budgeted(parameters=1000, training_memory=1e9), file)
    assert main(["check", str(file)]) == 1
    assert "S019" in capsys.readouterr().err
    assert main(["summary", str(file), "--precision", "bf16"]) == 0
    assert "budget parameters: " in capsys.readouterr().out
    assert main(["summary", str(file), "--json"]) == 0
    budgets = {one["budget"]: one["over"] for one in json.loads(capsys.readouterr().out)["budgets"]}
    assert budgets == {"parameters": True, "training_memory": False}


def test_half_precision_halves_memory() -> None:
    design = replace(build("dit-tiny"), budgets={})
    full, half = summarize(design).memory, summarize(design, precision="bf16").memory
    assert half.weights * 2 == full.weights and half.training < 0.51 * full.training
