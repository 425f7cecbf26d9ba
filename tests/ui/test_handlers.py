"""What the page asks of Python, without a browser."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from designer.document import dumps, loads
from designer.presets import build
from designer.ui.answers import answering, request
from designer.ui.designs import Designs, first_design
from designer.ui.handlers import annotate, check_design, compare_designs, package_design, render_design
from designer.ui.imports import read_file
from designer.ui.palette import Palette
from designer.ui.workspace import Workspace


@pytest.fixture
def document() -> dict[str, Any]:
    """The small DiT as JSON values."""
    value: dict[str, Any] = json.loads(dumps(build("dit-tiny")))
    return value


def test_annotate_answers_everything_the_editor_shows(document: dict[str, Any]) -> None:
    answer = annotate(json.dumps(document))
    assert answer["ok"] and answer["diagnostics"] == []
    assert answer["certificate"].startswith("valid for")
    assert answer["shapes"]["DiT/patch_embed.tokens->position.tokens"] == "B (H//2)*(W//2) 64"
    assert answer["summary"]["parameters"] > 100_000
    assert "class DiT(nn.Module)" in answer["source"]["model.py"]
    assert {"definition": "DiT", "node": "blocks"}.items() <= next(
        entry for entry in answer["source_map"] if entry["node"] == "blocks"
    ).items()
    json.dumps(answer)


def test_a_wrong_design_is_a_diagnostic_at_its_origin(document: dict[str, Any]) -> None:
    document["parameters"]["num_heads"] = 5
    answer = annotate(json.dumps(document))
    assert not answer["ok"] and answer["summary"] is None and answer["source"] == {}
    assert any(one["node"].startswith("DiTBlock/") for one in answer["diagnostics"])
    assert render_design(json.dumps(document))["problem"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": "other"}',
        "[" * 100_000,
        '{"format": "diffusion-design", "format_version": 99}',
    ],
)
def test_an_unreadable_document_is_one_diagnostic(text: str) -> None:
    answer = check_design(text)
    assert not answer["ok"]
    assert [one["severity"] for one in answer["diagnostics"]] == ["error"]
    assert render_design(text)["problem"]


def test_a_cycle_of_definitions_is_a_diagnostic(document: dict[str, Any]) -> None:
    document["definitions"]["Mlp"]["nodes"]["again"] = {"call": "DiTBlock"}
    assert not check_design(json.dumps(document))["ok"]


def test_answering_turns_mistakes_into_messages() -> None:
    answer = answering(lambda text: request(text))
    assert "error" in answer("{")
    assert "error" in answer("3")
    assert answer('{"a": 1}') == {"a": 1}


def pages(folder: Path) -> Designs:
    space = Workspace(folder)
    return Designs(space, first_design(build("dit-tiny"), space), "CPU")


def test_start_presets_and_opening(tmp_path: Path) -> None:
    designs = pages(tmp_path)
    begun = designs.start_session("{}")
    assert loads(begun["document"]).preset == "dit-tiny"
    assert begun["recovered"] is None and begun["file"] is None
    ids = [entry["id"] for entry in designs.list_presets("{}")["presets"]]
    assert {"ddpm-cifar10", "dit-s-2"} <= set(ids)
    assert loads(designs.open_preset('{"id": "ddpm-tiny"}')["document"]).preset == "ddpm-tiny"
    assert "did you mean" in answering(designs.open_preset)('{"id": "ddpm-tin"}')["error"]


def test_save_open_and_conflict(tmp_path: Path, document: dict[str, Any]) -> None:
    designs = pages(tmp_path)
    save = {"name": "mine", "document": json.dumps(document), "base": None}
    saved = designs.save_file(json.dumps(save))
    assert saved["file"] == "mine.json"
    assert [entry["name"] for entry in designs.list_files("{}")["files"]] == ["mine.json"]
    opened = designs.open_file('{"name": "mine.json"}')
    assert opened["base"] == saved["base"] and json.loads(opened["document"]) == document

    assert designs.save_file(json.dumps({**save, "base": "something else"})) == {"conflict": True}
    document["parameters"]["hidden_size"] = 96
    again = designs.save_file(json.dumps({**save, "document": json.dumps(document), "base": saved["base"]}))
    assert again["base"] != saved["base"]
    forced = designs.save_file(json.dumps({**save, "base": None, "force": True}))
    assert forced["file"] == "mine.json"


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", ".hidden", "", "x" * 200, "a\nb", "..json/.."])
def test_names_cannot_leave_the_workspace(tmp_path: Path, document: dict[str, Any], name: str) -> None:
    designs = pages(tmp_path / "inner")
    answer = answering(designs.save_file)(json.dumps({"name": name, "document": json.dumps(document)}))
    assert "cannot name a file" in answer["error"]
    assert "error" in answering(designs.open_file)(json.dumps({"name": name}))
    assert list(tmp_path.rglob("*.json")) == []


def test_autosave_is_offered_until_saved_or_dropped(tmp_path: Path, document: dict[str, Any]) -> None:
    designs = pages(tmp_path)
    document["parameters"]["hidden_size"] = 96
    kept = json.dumps({"document": json.dumps(document), "file": None})
    designs.autosave(kept)
    assert json.loads(designs.start_session("{}")["recovered"]["document"])["parameters"]["hidden_size"] == 96
    designs.autosave('{"document": null}')
    assert designs.start_session("{}")["recovered"] is None
    designs.autosave(kept)
    designs.save_file(json.dumps({"name": "a", "document": json.dumps(document), "base": None}))
    assert designs.start_session("{}")["recovered"] is None


def test_a_damaged_autosave_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".autosave.json").write_bytes(b"\xff\x00{")
    assert pages(tmp_path).start_session("{}")["recovered"] is None


def _file(name: str, content: bytes) -> str:
    return json.dumps({"name": name, "content": base64.b64encode(content).decode()})


def test_a_dropped_file_is_a_design_or_a_configuration(document: dict[str, Any]) -> None:
    design = read_file(_file("mine.json", json.dumps(document).encode()))
    assert json.loads(design["document"])["name"] == "DiT" and design["problems"] == []
    config = {
        "_class_name": "UNet2DModel",
        "block_out_channels": [32, 64],
        "layers_per_block": 1,
        "sample_size": 16,
    }
    config |= {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2}
    imported = read_file(_file("config.json", json.dumps(config).encode()))
    assert check_design(imported["document"])["ok"] and imported["file"] is None


@pytest.mark.parametrize(
    "name, content", [("a.json", b"\xff"), ("a.json", b"[]"), ("a.json", b"{}"), ("a.onnx", b"no")]
)
def test_a_dropped_file_that_is_neither_says_so(name: str, content: bytes) -> None:
    answer = answering(read_file)(_file(name, content))
    assert answer["error"] and "/tmp" not in answer["error"]
    assert "base64" in answering(read_file)(json.dumps({"name": name, "content": "%"}))["error"]


def test_two_designs_are_compared_node_by_node(document: dict[str, Any]) -> None:
    before = json.dumps(document)
    document["parameters"]["hidden_size"] = 96
    answer = compare_designs(json.dumps({"before": before, "after": json.dumps(document)}))
    assert [one["kind"] for one in answer["changes"]] == ["reparametrised"]
    assert next(one for one in answer["costs"] if one["name"] == "parameters")["before"] < 400_000
    json.dumps(answer)


def test_definitions_are_kept_for_other_designs_with_what_they_call(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    palette = Palette(tmp_path)
    assert palette.list_palette() == {"palette": []}
    kept = palette.keep_definition(json.dumps({"name": "DiTBlock", "document": json.dumps(document)}))
    assert [set(one["definitions"]) for one in kept["palette"]] == [{"DiTBlock", "Mlp"}]
    assert Palette(tmp_path).list_palette() == kept
    assert (
        "it has DiT"
        in answering(palette.keep_definition)(json.dumps({"name": "No", "document": json.dumps(document)}))[
            "error"
        ]
    )
    assert palette.forget_definition('{"name": "DiTBlock"}') == {"palette": []}
    (tmp_path / ".palette.json").write_text("[")
    assert palette.list_palette() == {"palette": []}


def test_a_package_is_one_archive_with_the_same_bytes(document: dict[str, Any]) -> None:
    answer = package_design(json.dumps(document))
    names = zipfile.ZipFile(io.BytesIO(base64.b64decode(answer["archive"]))).namelist()
    assert "README.md" in names and any(name.endswith("model.py") for name in names)
    assert answer == package_design(json.dumps(document))
