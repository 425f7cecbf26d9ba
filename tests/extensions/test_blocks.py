"""Blocks of the user: in the catalogue, checked, rendered, held to the contract; mistakes are one message."""

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch

from designer import extensions
from designer.catalogue import catalogue
from designer.check import check
from designer.cli import main
from designer.errors import UserError
from designer.reader import read_design
from designer.render import load_model, render

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a test names: the folders are in the environment."""
    for name in (extensions.BLOCKS, extensions.TEMPLATES):
        monkeypatch.setenv(name, "")


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with the skeleton of one block."""
    assert main(["new-block", "GatedMixer", "-o", str(tmp_path / "mine")]) == 0
    assert capsys.readouterr().out.endswith("test_gated_mixer.py\n")
    return tmp_path / "mine"


def design() -> dict[str, Any]:
    """A design that calls the block."""
    port = {"role": "tokens", "shape": "B N 8"}
    return {
        "format": "diffusion-design", "format_version": 1, "name": "Mine", "main": "Main",
        "definitions": {"Main": {
            "inputs": [{"name": "x", **port}],
            "outputs": [{"name": "out", "from": ["mix", "out"], **port}],
            "nodes": {"mix": {"call": "GatedMixer", "params": {"init_value": 0.5}}},
            "edges": [["x", "mix.x"]],
        }},
    }  # fmt: skip


def test_the_skeleton_is_listed_checked_and_rendered(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "d.json"
    document.write_text(json.dumps(design()))
    assert main(["check", str(document)]) == 1  # nobody named the folder
    capsys.readouterr()
    assert main(["blocks", "--blocks", str(folder), "--json"]) == 0
    assert "GatedMixer" in [one["name"] for one in json.loads(capsys.readouterr().out)]
    assert main(["check", str(document), "--blocks", str(folder)]) == 0
    rendering = render(read_design(design()))
    assert "designer" not in rendering.files["model.py"].partition('"""\n\nimport')[2]
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(load_model(rendering)()(x), x / 2)


def test_the_skeletons_own_test_and_our_contract_hold(folder: Path) -> None:
    environment = {**os.environ, extensions.BLOCKS: str(folder), "OMP_NUM_THREADS": "1"}
    for arguments in ([str(folder / "tests")], ["tests/contract/test_blocks.py", "-k", "GatedMixer"]):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-2000:]


def test_an_installed_package_adds_its_folder_without_being_imported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "a_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    folder.rename(package / "blocks")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("mine", "a_package.blocks", extensions.GROUP)
    monkeypatch.setattr(extensions, "entry_points", lambda group: [point])
    extensions._installed.cache_clear()
    try:
        assert "GatedMixer" in catalogue() and check(read_design(design())).ok
    finally:
        extensions._installed.cache_clear()


def test_a_block_file_is_read_and_never_run(folder: Path) -> None:
    path = folder / "gated_mixer.py"
    path.write_text(path.read_text() + "\nraise SystemExit('ran')\n")
    extensions.use([folder])
    assert check(read_design(design())).ok
    render(read_design(design()))


MISTAKES = {
    "syntax": ("class GatedMixer", "class class", "not valid Python"),
    "missing": ('    name="GatedMixer",\n', "", "missing 1 required positional argument: 'name'"),
    "unknown": ("    params=(", "    parms=(", "unexpected keyword argument 'parms'"),
    "type": ('tags=("gating",)', 'tags=("gating", 3)', "BlockSpec.tags: received"),
    "nested": ('Port("x", "any", "*S features")', 'Port("x", "any", 7)', "inputs.shape: received 7"),
    "kind": ('kind="module"', 'kind="magic"', "BlockSpec.kind: received 'magic'"),
    "tag": ('tags=("gating",)', 'tags=("fast",)', "expected at least one of activation"),
    "target": ('target="GatedMixer"', 'target="Other"', "target 'Other' is not defined here; there are GatedMixer"),
    "name": ('    name="GatedMixer"', '    name="Gated Mixer"', "is no identifier"),
    "expression": ('parameters="features"', 'parameters="__import__(1)"', "is no expression"),
    "import": ("import torch\n", "import torch\nimport os\n", "imports os, which rendered files cannot"),
    "taken": ('    name="GatedMixer"', '    name="Linear"', "declared twice"),
    "clash": ("class GatedMixer", "def dot_product_attention(): ...\n\n\nclass GatedMixer", "name of something else"),
    "call": ('summary="A', 'summary=open("x").read() or "A', "may hold only literals"),
    "null": ("import torch\n", "import torch\n\0", "not valid Python|cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_file_is_one_message(folder: Path, mistake: str) -> None:
    old, new, message = MISTAKES[mistake]
    path = folder / "gated_mixer.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    extensions.use([folder])
    with pytest.raises(UserError, match=message):
        catalogue()


def test_names_that_cannot_be_used_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("9lives", "a b", "../x", "class", "Linear", "_hidden", ""):
        assert main(["new-block", name, "-o", str(tmp_path)]) == 2
    assert main(["blocks", "--blocks", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err and not list(tmp_path.iterdir())
