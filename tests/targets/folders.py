"""Packages written to folders, and their scripts run as people run them."""

import os
import subprocess
import sys
from pathlib import Path

from designer.presets import build
from designer.render import render, write

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def written(preset: str, target: str, folder: Path) -> Path:
    """Write a preset's rendering and return its folder."""
    write(render(build(preset), target), folder)
    return folder


def python(folder: Path, *arguments: str) -> str:
    """Run Python in a folder and return what it prints."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout
