"""Arguments that several commands share."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from designer.errors import UserError


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_extensions(parser: argparse.ArgumentParser) -> None:
    """Add the folders with which a command works beside ours."""
    group = parser.add_argument_group("extensions")
    group.add_argument(
        "--blocks", metavar="FOLDER", action="append", default=[], type=Path, help="folder of your own blocks"
    )
    group.add_argument(
        "--templates", metavar="FOLDER", type=Path, help="folder of templates that go before those that ship"
    )


def use_extensions(options: argparse.Namespace) -> None:
    """Take the folders that a command named. Raises UserError."""
    if options.blocks or options.templates:
        from designer.extensions import use

        use(options.blocks, options.templates)


def assignments(pairs: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs; values are JSON (numbers, true, lists) or else text. Raises UserError."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise UserError(f"received {pair!r}; expected NAME=VALUE")
        try:
            found[name.strip()] = json.loads(text, parse_constant=str)  # NaN is no number here, but text
        except (ValueError, RecursionError):
            found[name.strip()] = text
    return found


def port(text: str, lowest: int = 1) -> int:
    """Read a TCP port; for argparse. With `lowest` 0, port 0 stands for any that is free."""
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) < 65536:
        raise argparse.ArgumentTypeError(f"received {text!r}; expected a port from {lowest} to 65535")
    return int(text)


def operating_point(text: str | None) -> dict[str, int]:
    """Read sizes such as "B=1,H=64,W=64". Raises UserError."""
    found = assignments([part for part in (text or "").split(",") if part])
    for name, value in found.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UserError(f"--at {name}: received {value!r}; expected a size of at least 1")
    return found
