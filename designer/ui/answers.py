"""How Python answers the page: JSON text in, JSON values out, a user's mistake as {"error": message}."""

import json
from collections.abc import Callable
from typing import Any

from designer.errors import UserError

Answer = dict[str, Any]
Handler = Callable[[str], Answer]


def request(text: str) -> dict[str, Any]:
    """Parse a request of the page. Raises UserError when it is not a JSON object."""
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"the request is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError("the request is not a JSON object")
    return value


def field(values: dict[str, Any], name: str, kind: type[str] = str) -> str:
    """Return a text field of a request. Raises UserError when it is missing or of another type."""
    value = values.get(name)
    if not isinstance(value, kind):
        raise UserError(f"the request needs {name!r} as text, received {type(value).__name__}")
    return value


def answering(handler: Handler) -> Handler:
    """Return the handler with `UserError` turned into {"error": message}."""

    def answer(text: str) -> Answer:
        try:
            return handler(text)
        except UserError as error:
            return {"error": str(error)}

    answer.__name__ = handler.__name__
    answer.__doc__ = handler.__doc__
    return answer
