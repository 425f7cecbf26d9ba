"""Files that cannot be used: one message that names the file and the place, exit 2, nothing touched."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from designer.cli import main
from designer.document import dumps, to_json
from designer.examples import teaching_designs

DOCUMENT: dict[str, Any] = to_json(teaching_designs()["teach-two-convolutions"])
DEEP = '{"a": ' * 2000 + "1" + "}" * 2000


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text, encoding="utf-8") and None


def _changed(**changes: Any) -> Callable[[Path], None]:
    return _text(json.dumps({**DOCUMENT, **changes}))


def _large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(50_000_000)  # a sparse file


CASES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda path: None, "no such file"),
    "folder": (lambda path: path.mkdir(), "is a folder; expected a design file"),
    "empty": (_text(""), "not valid JSON: Expecting value at line 1 column 1"),
    "50 MB": (_large, "50 MB; a design file has at most 17 MB"),
    "binary": (lambda path: path.write_bytes(bytes(range(256))), "not a text file (byte 128 is not UTF-8)"),
    "zeros": (lambda path: path.write_bytes(bytes(100)), "not valid JSON"),
    "broken JSON": (_text('{"format": "diffusion-design",\n "main" "Net"}'), "at line 2 column 9"),
    "cut off": (_text(dumps(teaching_designs()["teach-shared-weights"])[:700]), "not valid JSON"),
    "other JSON": (_text('{"cells": []}'), 'not a design: expected "format": "diffusion-design", received None'),
    "a list": (_text("[1, 2]"), "the document: expected an object, received a list"),
    "deep": (_text(DEEP), "nested too deeply"),
    "deep in a design": (_changed(layout=json.loads(DEEP[:1800] + "1" + "}" * 300)), "nested too deeply; a design has"),
    "future version": (_changed(format_version=99), "format_version 99 is newer than this program reads"),
    "no number": (_text(json.dumps({**DOCUMENT, "parameters": {"channels": float("nan")}})), "NaN is not a number"),
    "infinite": (_text(json.dumps(DOCUMENT).replace('"channels": 16', '"channels": 1e999', 1)), "finite number"),
    "duplicate key": (_text('{"format": "x", "format": "y"}'), "the key 'format' appears twice"),
    "duplicate node": (
        _text(dumps(teaching_designs()["teach-two-convolutions"]).replace('"embed"', '"act"', 1)),
        "the key 'act' appears twice",
    ),
    "name with a path": (_changed(main="../x"), "main: '../x' is not a name"),
    "unknown key": (_changed(wieghts=1), "wieghts: unknown key; expected one of format, "),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "command", [["check", "--json"], ["render", "-o", "out"], ["summary"]], ids=lambda c: c[0]
)
def test_one_message_that_names_the_place(
    case: str,
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write, message = CASES[case]
    path = Path("design.json")
    write(path)
    before = path.read_bytes() if path.is_file() else None
    status = main([command[0], str(path), *command[1:]])
    out, err = capsys.readouterr()
    assert status == 2 and not out
    assert err.startswith("designer: design.json: ") and message in err
    assert len(err.splitlines()) == 1 and len(err) < 400
    assert (path.read_bytes() if path.is_file() else None) == before
    assert set(os.listdir()) <= {"design.json"}


@pytest.mark.parametrize("path", ["design.json/x", "a" * 300, "/dev/zero", "/dev/null"])
def test_paths_that_are_no_files(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "design.json").write_text("{}")
    assert main(["check", str(tmp_path / path)]) == 2
    out, err = capsys.readouterr()
    assert not out and len(err.splitlines()) == 1 and path[:20] in err


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("render", "file"),
        ("render", "file/below"),
        ("render", "blocked"),
        ("render", "b" * 300),
        ("new", "file/below"),
        ("new", "blocked"),
        ("new", "b" * 300),
    ],
)
def test_a_place_that_cannot_be_written(
    command: str,
    target: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("design.json").write_text(json.dumps(DOCUMENT))
    Path("file").write_text("mine")
    Path("blocked/model.py").mkdir(parents=True)
    what = "design.json" if command == "render" else "dit-tiny"
    assert main([command, what, "-o", target, "--force"]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith(f"designer: {target[:20]}") and len(err.splitlines()) == 1
    assert Path("file").read_text() == "mine" and not list(Path().glob(".*"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("depth=abc", "depth is 'abc'; expected a value of type int"),
        ("depth=2.5", "depth is 2.5; expected a value of type int"),
        ("depth=0", "depth is 0; expected at least 1"),
        ("depth=true", "depth is True; expected a value of type int"),
        ("mlp_ratio=1e999", "mlp_ratio is inf; expected a finite number"),
        ("mlp_ratio=NaN", "mlp_ratio is 'NaN'; expected a value of type float"),
        ("dept=3", "no parameter is named 'dept'; did you mean 'depth'?"),
        ("depth", "received 'depth'; expected NAME=VALUE"),
    ],
)
def test_a_bad_setting_writes_nothing(
    setting: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "design.json"
    assert main(["new", "dit-tiny", "-o", str(path), "--set", setting]) == 2
    assert message in capsys.readouterr().err and not path.exists()


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("B=0", "--at B: received 0; expected a size of at least 1"),
        ("H=tall", "--at H: received 'tall'"),
        ("Q=3", "the design has no free size 'Q'; it has B, H, W"),
        ("B", "received 'B'; expected NAME=VALUE"),
    ],
)
def test_a_bad_operating_point(
    point: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "design.json"
    path.write_text(json.dumps(DOCUMENT))
    assert main(["summary", str(path), "--at", point]) == 2
    assert message in capsys.readouterr().err
