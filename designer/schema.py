"""The JSON Schema of the design document, for editors and other programs."""

from typing import Any

from designer.budgets import budgets_schema
from designer.document import FORMAT, FORMAT_VERSION
from designer.reader import ENDPOINT, IDENTIFIER, TYPES
from designer.training import settings_schema

_NAME = {"type": "string", "pattern": IDENTIFIER.pattern.replace(r"\Z", "$")}
_TEXT = {"type": "string"}
_VALUE = {"type": ["number", "string", "boolean", "array", "object", "null"]}


def _object(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def _named(schema: Any) -> dict[str, Any]:
    return {"type": "object", "propertyNames": _NAME, "additionalProperties": schema}


def document_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a design document of the current version."""
    endpoint = {"type": "string", "pattern": "^" + ENDPOINT.pattern.replace(r"\Z", "$")}
    port = {
        "name": _NAME,
        "role": _NAME,
        "shape": _TEXT,
        "dtype": {"enum": ["float32", "int64", "bool"]},
        "stack": {"type": "boolean"},
        "optional": {"type": "boolean"},
        "help": _TEXT,
    }
    source = {"from": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 2}}
    parameter = _object(
        {
            "type": {"enum": list(TYPES)},
            "default": _VALUE,
            "help": _TEXT,
            "min": {"type": "number"},
            "max": {"type": "number"},
            "choices": {"type": "array"},
            "unit": _TEXT,
        }
    )
    node = _object(
        {
            "call": {"type": "string", "pattern": "^=?" + IDENTIFIER.pattern.replace(r"\Z", "$")},
            "params": _named(_VALUE),
            "repeat": {"type": ["integer", "string"]},
            "when": _TEXT,
            "instance": _NAME,
            "checkpoint": {"type": "boolean"},
            "help": _TEXT,
        },
        ("call",),
    )
    definition = _object(
        {
            "doc": _TEXT,
            "reference": _TEXT,
            "parameters": _named({"anyOf": [parameter, {"type": ["number", "string", "boolean", "array"]}]}),
            "inputs": {"type": "array", "items": _object(port, ("name",))},
            "outputs": {"type": "array", "items": _object({**port, **source}, ("name", "from"))},
            "nodes": _named(node),
            "edges": {
                "type": "array",
                "items": {"type": "array", "items": endpoint, "minItems": 2, "maxItems": 2},
            },
        }
    )
    schema = _object(
        {
            "format": {"const": FORMAT},
            "format_version": {"const": FORMAT_VERSION},
            "name": _TEXT,
            "preset": _TEXT,
            "parameters": _named(_VALUE),
            "main": _NAME,
            "training": settings_schema(),
            "budgets": budgets_schema(),
            "definitions": _named(definition),
            "layout": {"type": "object"},
        },
        ("format", "format_version", "main", "definitions"),
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Diffusion design", **schema}
