"""designer ui."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from designer.cli.arguments import port
from designer.errors import UserError


def add_commands(commands: Any) -> None:
    """Add the browser app."""
    parser = commands.add_parser(
        "ui", help="open the designer in the browser", description="Open the designer in the browser."
    )
    parser.add_argument(
        "design", metavar="DESIGN", nargs="?", type=Path, help="design file (default: a preset)"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=7860)
    parser.add_argument(
        "--auth", metavar="FILE", type=Path, help="file of USER:PASSWORD lines; only they may enter"
    )
    parser.add_argument(
        "--open", action=argparse.BooleanOptionalAction, default=has_display(), help="open a browser window"
    )
    parser.add_argument("--workspace", metavar="DIR", type=Path, help="folder of designs, runs and exports")
    parser.set_defaults(run=_ui)


def has_display() -> bool:
    """Whether a browser window can be shown."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def read_users(path: Path) -> list[tuple[str, str]]:
    """Return the (user, password) pairs of a file of USER:PASSWORD lines. Raises UserError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file; expected lines USER:PASSWORD") from None
    users = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, separator, password = line.partition(":")
        if not separator or not user or not password:
            raise UserError(f"{path}: line {number}: expected USER:PASSWORD")
        users.append((user, password))
    if not users:
        raise UserError(f"{path}: names no user; expected lines USER:PASSWORD")
    return users


def _ui(options: argparse.Namespace) -> int:
    from designer.document import load

    design = load(options.design) if options.design else None
    users = read_users(options.auth) if options.auth else None
    if options.workspace and options.workspace.exists() and not options.workspace.is_dir():
        raise UserError(f"--workspace {options.workspace}: is a file; expected a folder")
    try:
        from designer.ui.app import launch
    except ModuleNotFoundError as error:
        raise UserError(
            f"the browser app needs {error.name}; install it with pip install {error.name}"
        ) from None

    print(f"designer: http://{options.host}:{options.port}", flush=True)
    try:
        launch(design, options.host, options.port, users, options.open, options.workspace, options.design)
    except OSError as error:
        raise UserError(
            f"port {options.port} on {options.host} cannot be used ({error}); choose another with --port"
        ) from None
    return 0
