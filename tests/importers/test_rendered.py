"""A rendered file imported back: an equal design; edits by hand told, edited blocks made blocks of the user."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from designer import extensions
from designer.cli import main
from designer.document import load, save
from designer.presets import build
from designer.render import load_model, render, write

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(extensions.BLOCKS, "")


def rendered(folder: Path, edit: Callable[[str], str] = str, **parameters: Any) -> Path:
    """Write a design and its rendering, edited, and return the file."""
    design = build("ddpm-tiny", parameters)
    write(render(design), folder)
    save(design, folder / "mine.json")
    path = folder / "model.py"
    before = path.read_text()
    path.write_text(edit(before))
    return path


def imported(path: Path, said: Said) -> tuple[int, dict[str, Any]]:
    status = main(["import", str(path), "-o", str(path.parent / "back" / "d.json"), "--json"])
    out = said.readouterr().out
    return status, json.loads(out) if out else {}


def test_an_untouched_file_is_an_equal_design(tmp_path: Path, capsys: Said) -> None:
    path = rendered(tmp_path, channels=16)
    status, found = imported(path, capsys)
    assert status == 0 and found["edits"] == []
    assert load(found["design"]).hash() == build("ddpm-tiny", {"channels": 16}).hash()


def test_a_package_brings_its_design_and_a_preset_needs_none(tmp_path: Path, capsys: Said) -> None:
    write(render(build("dit-tiny", {"depth": 3}), "package"), tmp_path / "package")
    write(render(build("dit-tiny")), tmp_path / "plain")
    for folder, depth in (("package", 3), ("plain", 4)):
        status, found = imported(tmp_path / folder / "model.py", capsys)
        assert status == 0 and load(found["design"]).parameters["depth"] == depth


def test_new_layout_is_no_edit(tmp_path: Path, capsys: Said) -> None:
    path = rendered(tmp_path, lambda text: text.replace("\n\n\nclass ", "\n\n\n# mine\nclass "))
    assert imported(path, capsys)[0] == 0


def test_an_edited_block_becomes_a_block_of_the_user(tmp_path: Path, capsys: Said) -> None:
    path = rendered(tmp_path, lambda text: text.replace('mode="nearest"', 'mode="nearest-exact"'))
    status, found = imported(path, capsys)
    assert status == 0
    assert found["edits"] == [{"name": "UpsampleConv", "what": "edited", "block": "UpsampleConvEdited"}]
    again = render(load(found["design"]))
    assert 'mode="nearest-exact"' in again.files["model.py"]
    x, t = torch.randn(1, 1, 16, 16), torch.tensor([3.0])
    results = []
    for model in (load_model(path.parent, "UNet"), load_model(again)):
        torch.manual_seed(0)
        results.append(model()(x, t))
    torch.testing.assert_close(*results)
    assert main(["check", found["design"], "--blocks", found["blocks"]]) == 0


EDITS = {
    "a definition": (lambda text: text.replace("attention else nn.Identity()", "attention else nn.Dropout(0.0)"), "UNetBlock was edited"),
    "a constructor": (lambda text: text.replace("channels, 3, stride=2)", "channels, 3, stride=2, bias=False)"), "DownsampleConv was edited"),
    "an addition": (lambda text: text + "\n\ndef mine() -> None:\n    pass\n", "mine was added"),
    "a statement": (lambda text: text + "\nprint('hello')\n", "print('hello') was added"),
}  # fmt: skip


@pytest.mark.parametrize("kind", EDITS)
def test_other_edits_are_told(tmp_path: Path, capsys: Said, kind: str) -> None:
    edit, message = EDITS[kind]
    status, found = imported(rendered(tmp_path, edit), capsys)
    assert status == 1 and len(found["errors"]) == 1 and found["errors"][0].startswith(message)
    assert load(found["design"]).hash() == build("ddpm-tiny").hash()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Net: pass", "has no header"),
        ("\0", "has no header"),
        (
            f'"""Net\n\nRendered from the design Net (hash {"a" * 16}); regenerate with\n"""\n',
            "is in no .json",
        ),
    ],
)
def test_what_was_not_rendered_is_refused(tmp_path: Path, capsys: Said, text: str, message: str) -> None:
    (tmp_path / "model.py").write_text(text)
    assert main(["import", str(tmp_path / "model.py"), "-o", str(tmp_path / "d.json")]) == 2
    assert message in capsys.readouterr().err


def test_an_edit_that_is_no_python_is_refused(tmp_path: Path, capsys: Said) -> None:
    path = rendered(tmp_path, lambda text: text + "def (")
    assert main(["import", str(path), "-o", str(tmp_path / "d.json")]) == 2
    assert "not valid Python" in capsys.readouterr().err


def test_importing_never_runs_the_file(tmp_path: Path, capsys: Said) -> None:
    path = rendered(tmp_path, lambda text: text + "\nraise SystemExit('ran')\n")
    assert imported(path, capsys)[0] == 1
