"""A diffusers configuration: the file, or the folder of a model that holds it beside its weights."""

import json
from pathlib import Path
from typing import Any

from designer.errors import UserError
from designer.importers import Imported, convert_config
from designer.weights.checkpoint import INDEX

MAX_BYTES = 4 * 2**20


def read_config(path: Path) -> tuple[Imported, Path | None]:
    """Return the import of a configuration and the folder of its weights, if there is one. Raises UserError."""
    file = path / "config.json" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise UserError(f"{path}: {_without_config(path)}")
    imported = _named(file, _load(file))
    folder = file.parent
    held = any(folder.glob("*.safetensors")) or any(folder.glob(f"*{INDEX}"))
    return imported, folder if held and path.is_dir() else None


def _without_config(folder: Path) -> str:
    models = sorted(one.parent.name for one in folder.glob("*/config.json"))
    if (folder / "model_index.json").exists() and models:
        return f"is a whole pipeline; name the folder of one model in it ({', '.join(models)})"
    return "holds no config.json; expected a diffusers model folder"


def _load(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UserError(f"{file}: more than {MAX_BYTES // 2**20} MB; expected a diffusers configuration")
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise UserError(f"{file}: expected a JSON object of arguments, received {type(value).__name__}")
    return value


def _named(file: Path, arguments: dict[str, Any]) -> Imported:
    try:
        return convert_config(arguments)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
