"""Files from the user's computer: a design, a configuration of a diffusers model, an ONNX file."""

import base64
import binascii
import json
import tempfile
from pathlib import Path

from designer.document import FORMAT, loads
from designer.errors import UserError
from designer.ui.answers import Answer, field, request
from designer.ui.workspace import Opened

MAX_BYTES = 64_000_000


def read_file(text: str) -> Answer:
    """A design from the file `name` with `content` (base64): {document, file, base, problems}."""
    values = request(text)
    name, content = field(values, "name"), _bytes(field(values, "content"))
    if not name.lower().endswith(".onnx"):
        design = _json(name, content)
        if design.get("format") == FORMAT:
            return {**Opened(loads(content.decode("utf-8-sig"))).to_json(), "problems": []}
    return _imported(name, content)


def _bytes(content: str) -> bytes:
    if len(content) > MAX_BYTES * 4 // 3 + 4:
        raise UserError(f"the file has more than {MAX_BYTES // 10**6} MB; use `designer import`")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise UserError("the request needs 'content' as base64") from None


def _json(name: str, content: bytes) -> dict[str, object]:
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise UserError(
            f"{name}: not valid JSON; expected a design, a config.json of diffusers, or an .onnx file"
        ) from None
    if not isinstance(value, dict):
        raise UserError(
            f"{name}: expected a design or a config.json of diffusers, received a list or a value"
        )
    return value


def _imported(name: str, content: bytes) -> Answer:
    """The design of a configuration or an ONNX file, read as `designer import` reads it."""
    from designer.sources import import_source

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("model.onnx" if name.lower().endswith(".onnx") else "config.json")
        path.write_bytes(content)
        try:
            result = import_source(str(path))
        except UserError as error:
            raise UserError(str(error).replace(str(path), name)) from None
    unknown = [f"No block stands for the operator {operator}" for operator in result.unknown]
    return {**Opened(result.design).to_json(), "problems": [*unknown, *result.errors]}
