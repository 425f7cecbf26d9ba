"""The package target: it trains, resumes after a kill with the same losses, samples, exports, installs."""

import ast
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from designer.errors import UserError
from designer.presets import build
from designer.render import render, write
from designer.targets.package import package_name
from tests.targets.folders import ENVIRONMENT, python, written

OPTIONS = ["--batch-size", "2", "--log-every", "1", "--save-every", "2", "--warmup", "2", "--steps", "6"]
# One process for what a person runs one after the other: starting torch is most of the time.
SCRIPT = """
import runpy, sys
for line in sys.argv[1:]:
    sys.argv = line.split()
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def losses(printed: str) -> dict[str, str]:
    return dict(re.findall(r"step (\d+) loss (\S+)", printed))


def killed_after(folder: Path, step: int) -> dict[str, str]:
    """Train until a step is printed, then kill the process; returns the losses until then."""
    command = [sys.executable, "train.py", "-o", "killed", *OPTIONS[:-1], "1000"]
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith(f"step {step} "):
                process.send_signal(signal.SIGKILL)
                break
    return losses(printed)


def test_a_killed_run_resumes_with_the_same_losses_and_its_scripts_work(tmp_path: Path) -> None:
    folder = written("dit-tiny", "package", tmp_path)
    checkpoint = "--checkpoint whole/step-00000006"
    whole = losses(
        python(
            folder,
            "-c",
            SCRIPT,
            f"train.py -o whole {' '.join(OPTIONS)}",
            f"sample.py {checkpoint} -n 2 --steps 2 -o samples.png",
            f"export_onnx.py {checkpoint} -o model.onnx",
        )
    )
    before = killed_after(folder, 3)
    after = losses(python(folder, "train.py", "-o", "killed", *OPTIONS))
    assert len(whole) == 6 and "3" in before
    assert list(after) == ["3", "4", "5", "6"]
    assert {**before, **after} == whole
    assert (folder / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "model.onnx").stat().st_size > 0
    assert list((folder / "whole" / "logs").iterdir())


PRESETS = (
    "ddpm-tiny",
    "dit-tiny",
    "edm2-tiny",
    "edm-ncsnpp-tiny",
    "flux-tiny",
    "pixart-tiny",
    "gaussian-set-tiny",
)


def test_packages_are_clean(tmp_path: Path) -> None:
    for preset in PRESETS:
        folder = written(preset, "package", tmp_path / preset)
        tomllib.loads((folder / "pyproject.toml").read_text())
        assert not re.search(
            r"\bfrom designer\b|\bimport designer\b", "".join(p.read_text() for p in folder.rglob("*.py"))
        )
    python(tmp_path, "-m", "ruff", "check", "--no-cache", ".")
    python(tmp_path, "-m", "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_a_packages_own_tests_pass(preset: str, tmp_path: Path) -> None:
    folder = written(preset, "package", tmp_path)
    python(folder, "-m", "mypy", *(path.name for path in folder.glob("*.py")), "tests")
    assert " passed" in python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_a_wheel_installs_and_imports(tmp_path: Path) -> None:
    folder = written("ddpm-tiny", "package", tmp_path / "repository")
    site = tmp_path / "site"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "-q", "--target", str(site)]
    python(folder, "-m", "pip", "install", *options, str(folder))
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import ddpm_u_net.diffusion; from ddpm_u_net.model import UNet; UNet()"
    python(tmp_path, "-c", code)


def test_rendering_again_keeps_what_was_edited(tmp_path: Path) -> None:
    written("ddpm-tiny", "package", tmp_path)
    written("dit-tiny", "package", tmp_path)  # another design over files that nobody touched
    (tmp_path / "train.py").write_text("mine")
    with pytest.raises(UserError, match=r"train.py: was edited by hand"):
        write(render(build("ddpm-tiny"), "package"), tmp_path)


@pytest.mark.parametrize(
    ("preset", "message"),
    [("vae-tiny", "kl_weight"), ("svd-tiny", "conditioning_channels")],
)
def test_what_it_cannot_train_is_said(preset: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        render(build(preset), "package")


def test_freezing_is_refused() -> None:
    design = build("ddpm-tiny")
    with pytest.raises(UserError, match="frozen"):
        render(replace(design, training={**design.training, "frozen": ["Middle"]}), "package")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("DDPM U-Net", "ddpm_u_net"),
        ("json", "net_json"),
        ("3D", "net_3d"),
        ("é", "network"),
        ("class", "net_class"),
    ],
)
def test_package_names(title: str, name: str) -> None:
    assert package_name(title) == name


@pytest.mark.slow
def test_two_processes_resume_with_the_same_losses(tmp_path: Path) -> None:
    folder = written("ddpm-tiny", "package", tmp_path)
    command = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "train.py",
        "-o",
        "run",
    ]
    whole = losses(python(folder, *command, *OPTIONS))
    shutil.rmtree(folder / "run" / "step-00000006")
    assert losses(python(folder, *command, *OPTIONS)) == {step: whole[step] for step in ("5", "6")}


HOSTILE = 'x"""\'; import os\n"""\n[tool]\nname = "y"\n</text><script>alert(1)</script>${{ 7 * 7 }}{% raw %}'


@pytest.mark.parametrize("target", ["package", "diffusers"])
def test_a_hostile_name_stays_a_text(target: str) -> None:
    design = build("dit-tiny")
    doc = replace(design.main_definition, doc=HOSTILE)
    hostile = replace(design, name=HOSTILE, definitions={**design.definitions, design.main: doc})
    plain, files = render(design, target).files, render(hostile, target).files
    for name, text in files.items():
        assert "<script>" not in text or name.endswith((".py", ".json", ".toml"))
        if name.endswith(".py"):  # nothing but docstrings differs
            assert shape(text) == shape(plain[name]), name
    if target == "package":
        assert tomllib.loads(files["pyproject.toml"]).keys() == tomllib.loads(plain["pyproject.toml"]).keys()
        assert ElementTree.fromstring(files["architecture.svg"]).tag.endswith("svg")


def shape(code: str) -> list[str]:
    """Return the statements of a file, the text of its docstring and the names that are the design's left out."""
    return [ast.dump(one) for one in ast.parse(code).body[1:] if not isinstance(one, ast.ClassDef)]
