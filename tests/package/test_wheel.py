"""The wheel: everything inside the package, and it works away from the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content on a path of its own."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_only_the_package_is_installed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"designer"}
    assert not [name for name in names if "__pycache__" in name or "node_modules" in name]


@pytest.mark.parametrize("name", ["blocks", "templates", "examples"])
def test_the_top_level_folders_travel_inside_the_package(installed: Path, name: str) -> None:
    inside = installed / "designer" / "_assets" / name
    expected = {path.name for path in (ROOT / name).iterdir() if path.is_file()}
    assert {path.name for path in inside.iterdir() if path.is_file()} == expected


def test_the_built_editor_travels_too(installed: Path) -> None:
    for path in (ROOT / "designer" / "ui" / "dist").iterdir():
        assert (installed / "designer" / "ui" / "dist" / path.name).read_bytes() == path.read_bytes()


def test_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = next(name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name)
    metadata = archive.read(f"{info}/METADATA").decode()
    assert "License-Expression: Apache-2.0" in metadata and "Requires-Dist: onnxruntime-gpu" in metadata
    assert (
        archive.read(f"{info}/entry_points.txt").decode()
        == "[console_scripts]\ndesigner = designer.cli:main\n"
    )


def _designer(installed: Path, folder: Path, *arguments: str) -> str:
    """Run the installed program in an empty folder, with nothing of the checkout in reach."""
    code = (
        "import sys, designer; from designer.cli import main\n"
        f"assert designer.__file__.startswith({str(installed)!r}), designer.__file__\n"
        f"sys.exit(main({list(arguments)!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_it_works_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    counts = {
        one["id"]: one["parameters"]
        for one in json.loads(_designer(installed, tmp_path, "presets", "--json"))
    }
    assert counts["ddpm-cifar10"] == 35_746_307
    assert "Conv2d" in _designer(installed, tmp_path, "blocks")
    _designer(installed, tmp_path, "new", "dit-tiny", "-o", "d.json")
    assert _designer(installed, tmp_path, "check", "d.json").startswith("ok: valid for")
    _designer(installed, tmp_path, "render", "d.json", "-o", "out")
    assert "class DiT(nn.Module)" in (tmp_path / "out" / "model.py").read_text()
