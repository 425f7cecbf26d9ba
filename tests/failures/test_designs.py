"""Designs that can be read but are wrong: every error at its origin, all together, exit 1."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from designer.check import check
from designer.cli import main
from designer.diagnostics import Diagnostic
from designer.document import to_json
from designer.examples import teaching_designs
from designer.presets import presets
from designer.reader import read_design

DOCUMENT: dict[str, Any] = to_json(teaching_designs()["teach-two-convolutions"])
Graph = dict[str, Any]
Edit = Callable[[Graph], object]


def _edited(edit: Edit) -> dict[str, Any]:
    """The smallest teaching design after an edit of its main definition."""
    document = copy.deepcopy(DOCUMENT)
    edit(document["definitions"]["Denoiser"])
    return document


def _errors(document: dict[str, Any]) -> list[Diagnostic]:
    return [one for one in check(read_design(document)).diagnostics if one.severity == "error"]


def _node(name: str, **changes: Any) -> Edit:
    return lambda graph: graph["nodes"][name].update(changes)


def _edge(*edge: str) -> Edit:
    return lambda graph: graph["edges"].append(list(edge))


def _unwired(target: str) -> Edit:
    return lambda graph: graph.update(edges=[edge for edge in graph["edges"] if edge[1] != target])


def _params(**values: Any) -> Edit:
    return _node("conv_in", params=values)


ONE_ERROR: dict[str, tuple[Edit, str, str, str]] = {
    "unknown block": (_node("act", call="SiLu"), "S002", "Denoiser/act", "named 'SiLu'; did you mean 'SiLU'?"),
    "unknown parameter": (
        _params(out_channels="channels", kernel=3), "S004", "Denoiser/conv_in",
        "Conv2d has no parameter 'kernel'; did you mean 'kernel_size'?",
    ),
    "wrong type": (_params(out_channels=[8]), "S005", "Denoiser/conv_in", "out_channels is [8]; expected a value of type int"),
    "out of range": (_params(out_channels=0), "S005", "Denoiser/conv_in", "out_channels is 0; expected at least 1"),
    "not a choice": (
        _params(out_channels="channels", init="big"), "S005", "Denoiser/conv_in", "init is 'big'; expected one of default, ",
    ),
    "missing parameter": (_params(), "S011", "Denoiser/conv_in", "'out_channels' of Conv2d is not given"),
    "unknown name": (_params(out_channels="4*chanels"), "S005", "Denoiser/conv_in", "'chanels' has no value here; available are channels"),
    "hostile expression": (
        _params(out_channels="__import__('os').getpid()"), "S005", "Denoiser/conv_in", "calls an unknown function",
    ),
    "huge power": (_params(out_channels="9**9**9"), "S005", "Denoiser/conv_in", "the power is too large"),
    "odd size": (_node("embed", params={"dim": 15}), "S010", "Denoiser/embed", "the embedding size 15 is odd"),
    "cycle": (
        lambda graph: (_unwired("conv_in.x")(graph), _edge("act.out", "conv_in.x")(graph)), "S003", "Denoiser/conv_in",
        "a loop through conv_in → add_t → act → conv_in; remove one of its edges",
    ),
    "connected twice": (
        _edge("conv_in.out", "act.x"), "S007", "Denoiser/act", "connected twice, from add_t.out and from conv_in.out; keep one",
    ),
    "not connected": (_unwired("conv_in.x"), "S001", "Denoiser/conv_in", "input 'x' is not connected"),
    "no such port": (
        lambda graph: (_unwired("act.x")(graph), _edge("add_t.result", "act.x")(graph)), "S006", "Denoiser/add_t",
        "AddEmbedding has no output 'result'; there are out",
    ),
    "no such node": (_edge("act.out", "conv_3.x"), "S006", "Denoiser", "no node is named 'conv_3'"),
    "history of no repeat": (
        lambda graph: (_unwired("conv_out.x")(graph), _edge("act.out[]", "conv_out.x")(graph)), "S006", "Denoiser/act",
        "'act.out[]' is the history of a repeat",
    ),
    "repeat that is no number": (_node("act", repeat="[1]"), "S012", "Denoiser/act", "repeat count is [1]"),
    "too many repeats": (_node("act", repeat=10**9), "S012", "Denoiser/act", "expected an integer from 0 to 4096"),
    "condition without value": (_node("act", when="H > 3"), "S005", "Denoiser/act", "the condition 'H > 3'"),
    "wrong role": (
        lambda graph: (_unwired("embed.t")(graph), _edge("x", "embed.t")(graph)), "S008", "Denoiser/embed", "takes timestep",
    ),
    "wrong dtype": (
        lambda graph: graph["inputs"][0].update(dtype="int64"),
        "S008",
        "Denoiser/conv_in",
        "input 'x' takes float32, received int64 from x",
    ),
    "shape without value": (
        lambda graph: graph["inputs"][0].update(shape="B 1 H//0 W"), "S014", "Denoiser", "'H//0' has no value: division by zero",
    ),
    "size of nothing": (lambda graph: graph["inputs"][0].update(shape="B 0 H W"), "S014", "Denoiser", "a size is at least 1"),
    "no shape": (lambda graph: graph["inputs"][0].update(shape=""), "S014", "Denoiser", "input 'x' has no shape"),
    "reserved node": (
        lambda graph: (graph["nodes"].update({"forward": {"call": "SiLU"}}), _edge("x", "forward.x")(graph)), "S017",
        "Denoiser/forward", "torch.nn.Module has an attribute of this name; choose another name, such as 'forward_'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_ERROR)
def test_one_mistake_is_one_error_at_its_place(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit, code, node, message = ONE_ERROR[case]
    document = _edited(edit)
    errors = _errors(document)
    assert [(one.code, one.node) for one in errors] == [(code, node)], [one.message for one in errors]
    assert message in errors[0].message and len(errors[0].message) < 300
    path = tmp_path / "design.json"
    path.write_text(json.dumps(document))
    for command in (["check"], ["check", "--json"], ["render", "-o", str(tmp_path / "out")]):
        assert main([command[0], str(path), *command[1:]]) == 1
        out, err = capsys.readouterr()
        assert message in (json.loads(out)["diagnostics"][0]["message"] if "--json" in command else err)
    assert main(["summary", str(path)]) == (0 if code == "S017" else 1)  # a name costs nothing
    assert json.loads(path.read_text()) == document and not (tmp_path / "out").exists()


def test_independent_errors_come_together() -> None:
    def edit(graph: Graph) -> None:
        _params(out_channels="channels", kernel=3)(graph)
        _node("embed", params={"dim": 15})(graph)
        _node("act", call="Silu")(graph)
        _edge("x", "add_t.x")(graph)

    assert sorted(one.code for one in _errors(_edited(edit))) == ["S002", "S004", "S007", "S010"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"channels": "wide"}, "parameter channels is 'wide'; expected a value of type int"),
        ({"channels": 1}, "parameter channels is 1; expected at least 2"),
        ({"channels": {"a": 1}}, "parameter channels is {'a': 1}; expected a value of type int"),
        ({"channels": None}, "the parameter 'channels' of the main definition has no value"),
    ],
)
def test_a_bad_value_of_the_design_is_one_error(values: dict[str, Any], expected: str) -> None:
    errors = _errors({**DOCUMENT, "parameters": values})
    assert [(one.node, one.port, one.message) for one in errors] == [("Denoiser", "channels", expected)]


def _broken_deep_inside() -> dict[str, Any]:
    """A DDPM U-Net whose residual block, four calls deep, has a mistake."""
    design = to_json(next(one for one in presets() if one.id == "ddpm-tiny").design)
    copied: dict[str, Any] = json.loads(json.dumps(design))
    copied["definitions"]["ResBlock"]["nodes"]["conv1"]["params"]["kernel"] = 3
    return copied


def test_an_error_inside_a_definition_is_reported_once_with_the_calls_that_lead_there() -> None:
    errors = _errors(_broken_deep_inside())
    assert [(one.code, one.node) for one in errors] == [("S004", "ResBlock/conv1")]
    assert errors[0].path == ("down_0", "blocks", "res", "conv1")


def test_the_command_prints_the_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "design.json"
    path.write_text(json.dumps(_broken_deep_inside()))
    assert main(["check", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "(reached through down_0 → blocks → res → conv1)" in err and out == "1 error\n"


def _with_part(part: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The smallest teaching design with a definition Part in place of its activation."""
    document = _edited(_node("act", call="Part", **changes))
    ports = {
        "inputs": [{"name": "x", "role": "map", "shape": "B C H W"}],
        "outputs": [{"name": "out", "from": ["a", "out"]}],
        "edges": [["x", "a.x"]],
    }
    document["definitions"]["Part"] = {**ports, **part}
    return document


def test_a_definition_that_calls_itself() -> None:
    errors = _errors(_with_part({"nodes": {"a": {"call": "Part"}}}))
    assert [(one.code, one.node) for one in errors] == [("S003", "Part")]
    assert errors[0].message == "the definition calls itself: Denoiser → Part → Part"


def test_what_unfolds_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("designer.shapes.elaborate.MAX_ITERATIONS", 3000)
    scale = {"call": "Scale", "repeat": 4096, "params": {"factor": "k + i"}}
    part = {"parameters": {"k": {"type": "float"}}, "nodes": {"a": scale}}
    messages = [one.message for one in _errors(_with_part(part, repeat=4096, params={"k": "5000*i"}))]
    assert messages == ["the design unfolds to more than 3,000 distinct calls; repeat fewer of them"]
