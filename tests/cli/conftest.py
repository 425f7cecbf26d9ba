"""The command line, called in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from designer.cli import main


@dataclass(frozen=True)
class Result:
    """What a command did: exit status, stdout, stderr."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What --json printed: one value and nothing else."""
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def designer(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `designer …`."""

    def run(*arguments: object) -> Result:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse
            status = int(error.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Result(status, out, err)

    return run


@pytest.fixture
def new(designer: Run, tmp_path: Path) -> Callable[..., Path]:
    """Write a preset's design and return its path."""

    def make(preset: str, *arguments: str) -> Path:
        path = tmp_path / f"{preset}.json"
        assert designer("new", preset, "-o", path, *arguments).status == 0
        return path

    return make
