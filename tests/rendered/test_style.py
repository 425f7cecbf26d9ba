"""Rendered files pass what a researcher's own checks would ask: ruff, its formatter, mypy strict."""

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from designer.document import Design
from designer.presets import build, presets
from designer.render import render
from tests.contract.harness import design_of, examples, free_shapes, name_of
from tests.rendered.models import TINY, rendering_of

ROOT = Path(__file__).parents[2]
SAMPLE = ("ddpm-tiny", "sdxl-tiny", "dit-tiny", "flux-tiny", "edm2-tiny", "steady-tiny")


def assert_clean(sources: Iterable[tuple[str, str]], folder: Path) -> None:
    """Write the files and run the three tools once each over all of them."""
    for name, text in sources:
        (folder / f"{name.replace('-', '_')}.py").write_text(text, encoding="utf-8")
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    (folder / "ruff.toml").write_text(
        f"line-length = {rules['line-length']}\ntarget-version = '{rules['target-version']}'\n"
        f"[lint]\nselect = {rules['lint']['select']}\nignore = {rules['lint']['ignore']}\n"
    )
    python = [sys.executable, "-m"]
    for command in (
        [*python, "ruff", "check", "--no-cache", "."],
        [*python, "ruff", "format", "--no-cache", "--check", "."],
        [*python, "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache" / "rendered"), "."],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def checkpointed(preset: str) -> Design:
    """A preset each of whose definitions is computed again in backward."""
    design = build(preset)
    definitions = {
        name: replace(
            one,
            nodes={
                key: replace(node, checkpoint=node.call in design.definitions)
                for key, node in one.nodes.items()
            },
        )
        for name, one in design.definitions.items()
    }
    return replace(design, definitions=definitions)


def test_rendered_files_are_clean(tmp_path: Path) -> None:
    sources = [(name, rendering_of(name).files["model.py"]) for name in SAMPLE]
    sources += [
        (f"{name}-again", render(checkpointed(name)).files["model.py"]) for name in ("flux-tiny", "ddpm-tiny")
    ]
    assert_clean(sources, tmp_path)


@pytest.mark.slow
def test_every_rendered_preset_is_clean(tmp_path: Path) -> None:
    every = ((preset.id, render(build(preset.id)).files["model.py"]) for preset in presets())
    assert_clean(every, tmp_path)


@pytest.mark.slow
def test_every_block_is_clean_where_it_is_rendered(tmp_path: Path) -> None:
    assert_clean(
        (
            (name_of(pair), render(design_of(*pair, free_shapes(*pair))).files["model.py"])
            for pair in examples()
        ),
        tmp_path,
    )


def test_there_are_tiny_sizes_to_check() -> None:
    assert set(SAMPLE) <= set(TINY)
