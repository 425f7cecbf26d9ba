"""What the person running the program adds: folders of blocks, a folder of templates that override ours.

The folders are named on the command line and travel to child processes in the environment. Installed packages add
blocks through entry points of the group `designer.blocks`, such as `mine = "my_package.blocks"`: the folder is
found without importing the package.
"""

import importlib.util
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from designer.errors import UserError

BLOCKS, TEMPLATES, GROUP = "DESIGNER_BLOCKS", "DESIGNER_TEMPLATES", "designer.blocks"


def use(blocks: Sequence[Path] = (), templates: Path | None = None) -> None:
    """Take blocks and templates from these folders, here and in child processes. Raises UserError."""
    for option, path in (*(("--blocks", one) for one in blocks), ("--templates", templates)):
        if path is not None and not path.is_dir():
            raise UserError(f"{option}: {path} is no folder")
        if path is not None and os.pathsep in str(path.resolve()):
            raise UserError(f"{option}: {path} has a {os.pathsep!r} in its name")
    if blocks:
        os.environ[BLOCKS] = os.pathsep.join(str(path.resolve()) for path in blocks)
    if templates is not None:
        os.environ[TEMPLATES] = str(templates.resolve())


def block_folders() -> tuple[Path, ...]:
    """Return the folders of blocks beside ours: those named, then those of installed packages."""
    named = (Path(text) for text in os.environ.get(BLOCKS, "").split(os.pathsep) if text)
    return (*named, *_installed())


def templates() -> Path | None:
    """Return the folder whose templates go before ours."""
    text = os.environ.get(TEMPLATES)
    return Path(text) if text else None


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, ...]:
    found = []
    for point in entry_points(group=GROUP):
        top, *rest = point.value.split(".")
        spec = importlib.util.find_spec(top)  # of a top-level name: runs nothing of the package
        places = spec.submodule_search_locations if spec else None
        paths = [Path(place, *rest) for place in places or ()]
        usable = [path for path in paths if path.is_dir()]
        if not usable:
            raise UserError(f"the entry point {point.name} = {point.value!r} of {GROUP} names no folder")
        found.append(usable[0])
    return tuple(found)
