"""Definitions that the user keeps for other designs: one file in the workspace, offered like the library's."""

import json
from pathlib import Path
from typing import Any

from designer.document import Design, loads, to_json
from designer.errors import UserError
from designer.files import write_atomic
from designer.ui.answers import Answer, field, request

FAMILY = "Mine"
_FILE = ".palette.json"


class Palette:
    """The kept definitions of one workspace, each with those that it calls."""

    def __init__(self, folder: Path) -> None:
        self.path = folder.resolve() / _FILE

    def list_palette(self, _: str = "{}") -> Answer:
        """The kept definitions as composites: {palette}."""
        return {"palette": list(self._read().values())}

    def keep_definition(self, text: str) -> Answer:
        """Keep the definition `name` of `document`, in place of one kept under that name: {palette}."""
        values = request(text)
        name, design = field(values, "name"), loads(field(values, "document"))
        self._write({**self._read(), name: _composite(design, name)})
        return self.list_palette()

    def forget_definition(self, text: str) -> Answer:
        """Keep the definition `name` no longer: {palette}."""
        name = field(request(text), "name")
        self._write({key: one for key, one in self._read().items() if key != name})
        return self.list_palette()

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # nothing kept, or not written by this program
        return kept if isinstance(kept, dict) else {}

    def _write(self, kept: dict[str, Any]) -> None:
        try:
            write_atomic(self.path, json.dumps(kept, indent=1, ensure_ascii=False))
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written ({error.strerror})") from None


def _composite(design: Design, name: str) -> dict[str, Any]:
    if name not in design.definitions:
        raise UserError(f"the design has no definition {name!r}; it has {', '.join(design.definitions)}")
    found, waiting = [name], [name]
    while waiting:
        for callee in design.callees(design.definitions[waiting.pop()]):
            if callee not in found:
                found.append(callee)
                waiting.append(callee)
    definitions = to_json(design)["definitions"]
    summary = design.definitions[name].doc or f"from {design.name}"
    return {
        "name": name,
        "family": FAMILY,
        "title": name,
        "summary": summary,
        "definitions": {one: definitions[one] for one in found},
    }
