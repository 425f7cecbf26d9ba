"""Differences of two designs: by meaning, whole, and of no consequence for what only moved."""

import json
from dataclasses import replace

import pytest

from designer.cli import main
from designer.diff import diff
from designer.diff_page import html, lines
from designer.document import Design, Node, save
from designer.operations import apply_operation, insertion
from designer.presets import build

ACT = ("x", "out")


@pytest.fixture
def design() -> Design:
    return build("dit-tiny")


def inserted(design: Design) -> Design:
    """The design with a GELU before the attention of its blocks."""
    for operation in insertion(design.definitions["DiTBlock"], "attn.x", "GELU", "extra", ACT):
        design = apply_operation(design, operation)
    return design


def test_a_design_and_itself_moved_are_the_same(design: Design) -> None:
    moved = replace(design, layout={"DiT": {"blocks": [10, 20]}})
    assert diff(design, moved).same and all(one.delta == 0 for one in diff(design, moved).costs)


def test_an_insertion_is_one_addition_and_one_rewiring(design: Design) -> None:
    found = diff(design, inserted(design))
    assert {(one.kind, one.place) for one in found.changes} == {
        ("added", "DiTBlock/extra"),
        ("rewired", "DiTBlock/attn"),
    }


def test_a_difference_mirrored_is_its_opposite(design: Design) -> None:
    there, back = diff(design, inserted(design)), diff(inserted(design), design)
    assert [one.kind for one in back.changes if one.place.endswith("extra")] == ["removed"]
    assert [one.delta for one in there.costs] == [-one.delta for one in back.costs if one.delta is not None]


def test_a_parameter_changes_parameters_and_cost(design: Design) -> None:
    deeper = replace(design, parameters={**design.parameters, "depth": 6})
    found = diff(design, deeper)
    assert [(one.kind, one.what, one.before, one.after) for one in found.changes] == [
        ("reparametrised", "parameter depth", 4, 6)
    ]
    parameters = next(one for one in found.costs if one.name == "parameters")
    assert parameters.delta is not None and parameters.delta > 0


def test_a_renamed_node_is_renamed_not_replaced(design: Design) -> None:
    mlp = design.definitions["Mlp"]
    nodes = {
        ("activation" if name == "act" else name): replace(node, id="activation" if name == "act" else name)
        for name, node in mlp.nodes.items()
    }
    edges = tuple((a.replace("act.", "activation."), b.replace("act.", "activation.")) for a, b in mlp.edges)
    other = replace(design, definitions={**design.definitions, "Mlp": replace(mlp, nodes=nodes, edges=edges)})
    assert [(one.kind, one.before, one.after) for one in diff(design, other).changes] == [
        ("renamed", "act", "activation")
    ]


def test_a_design_with_errors_has_no_cost(design: Design) -> None:
    broken = apply_operation(design, {"op": "disconnect", "definition": "Mlp", "target": "act.x"})
    found = diff(design, broken)
    assert all(one.after is None and one.before is not None for one in found.costs)
    assert any("unknown" in line for line in lines(found))


def test_the_page_stands_alone_and_escapes_texts(design: Design) -> None:
    mlp = design.definitions["Mlp"]
    hostile = replace(
        mlp,
        nodes={**mlp.nodes, "x_y": Node("x_y", "GELU", {"approximate": "</code><script>alert(1)</script>"})},
    )
    other = replace(design, name="<b>DiT</b>", definitions={**design.definitions, "Mlp": hostile})
    page = html(diff(design, other), design, other)
    assert page.count("<svg") >= 4 and "<script" not in page and "<b>DiT" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_the_command(design: Design, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    save(design, tmp_path / "a.json")
    save(inserted(design), tmp_path / "b.json")
    pair = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert main(["diff", *pair, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is False
    assert main(["diff", *pair, "--html", str(tmp_path / "d.html")]) == 0
    assert (tmp_path / "d.html").read_text().startswith("<!doctype html>")
    assert main(["diff", pair[0], str(tmp_path / "absent.json")]) == 2
