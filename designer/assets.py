"""Where the top-level folders of the repository (blocks, templates, examples) live at run time."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder `name`: inside the installed package, or beside it in a checkout.

    Raises FileNotFoundError when neither exists, which means a broken installation.
    """
    for candidate in (_PACKAGE / "_assets" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the installation is incomplete: no folder {name!r} beside or inside {_PACKAGE}")
