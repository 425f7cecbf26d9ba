"""The folder of saved designs: names are checked, writes are atomic, unsaved edits survive a crash."""

import hashlib
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from designer.document import Design, dumps, load, loads, save
from designer.errors import UserError
from designer.files import write_atomic

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}\.json\Z")
_AUTOSAVE = ".autosave.json"


@dataclass(frozen=True)
class Opened:
    """A design as opened: its document, its file in the workspace, and the hash of that file's contents."""

    design: Design
    file: str | None = None
    base: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what the page needs; the document is JSON text."""
        return {"document": compact(self.design), "file": self.file, "base": self.base}


def compact(design: Design) -> str:
    """Return a design as JSON text without spaces, as it travels to the page."""
    return json.dumps(json.loads(dumps(design)), separators=(",", ":"), ensure_ascii=False)


class Workspace:
    """Designs in one folder. The folder is created when something is first written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def path(self, name: str) -> Path:
        """Return the path of a design. Raises UserError for a name that could leave the folder."""
        if not name.endswith(".json"):
            name += ".json"
        if not _NAME.match(name):
            raise UserError(
                f"{name!r} cannot name a file; use letters, digits, space and . _ - (at most 100), no folder"
            )
        return self.folder / name

    def files(self) -> list[dict[str, Any]]:
        """Return name, time of change (seconds) and size (bytes) of every design, the latest first."""
        found = [path for path in self.folder.glob("*.json") if _NAME.match(path.name)]
        entries = [(path.name, path.stat()) for path in found]
        entries.sort(key=lambda entry: -entry[1].st_mtime)
        return [{"name": name, "modified": stat.st_mtime, "bytes": stat.st_size} for name, stat in entries]

    def open(self, name: str) -> Opened:
        """Read a design of the workspace. Raises UserError when it is missing or not a design."""
        path = self.path(name)
        design = load(path)
        return Opened(design, path.name, _digest(path))

    def save(self, name: str, design: Design, base: str | None, force: bool = False) -> Opened | None:
        """Write a design. Returns None, and writes nothing, when the file is not the one that `base` names.

        `base` is the hash of the contents that were opened or last saved, None for a new file.
        """
        path = self.path(name)
        if not force and path.exists() and _digest(path) != base:
            return None
        try:
            save(design, path)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from None
        self.forget()
        return Opened(design, path.name, _digest(path))

    def autosave(self, document: str, file: str | None) -> float:
        """Keep unsaved edits; returns the time (seconds). Raises UserError when `document` is not a design."""
        loads(document)
        saved_at = time.time()
        kept = {"document": document, "file": file, "saved_at": saved_at}
        try:
            write_atomic(self.folder / _AUTOSAVE, json.dumps(kept))
        except OSError as error:
            raise UserError(f"{self.folder}: unsaved edits cannot be kept ({error.strerror})") from None
        return saved_at

    def forget(self) -> None:
        """Drop the kept edits: they were saved or thrown away."""
        (self.folder / _AUTOSAVE).unlink(missing_ok=True)

    def recovered(self) -> dict[str, Any] | None:
        """Return {document, file, saved_at} of edits that were kept and never saved, or None."""
        try:
            kept = json.loads((self.folder / _AUTOSAVE).read_text(encoding="utf-8"))
            design = loads(kept["document"])
            return {"document": compact(design), "file": kept["file"], "saved_at": float(kept["saved_at"])}
        except (OSError, ValueError, KeyError, TypeError, UserError):
            return None  # nothing kept, or not written by this program


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
