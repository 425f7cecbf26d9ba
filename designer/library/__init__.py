"""Composite definitions to insert into a design: one subject a file, found by discovery.

A file assigns `COMPOSITES`, a tuple of `Composite`. An inserted definition becomes the user's own: it opens down
to its blocks and can be edited like any other.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from designer.errors import UserError

Json = dict[str, Any]


@dataclass(frozen=True)
class Composite:
    """One definition of the library, as JSON values of a document."""

    name: str
    family: str
    title: str
    article: str
    definition: Json = field(repr=False)

    def to_json(self) -> Json:
        """Return the catalogue entry."""
        return {
            "name": self.name,
            "family": self.family,
            "title": self.title,
            "article": self.article,
            "summary": self.definition["doc"],
            "definitions": definitions(self.name),
        }


@lru_cache(maxsize=1)
def composites() -> Mapping[str, Composite]:
    """Return every composite by name."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return {one.name: one for module in modules for one in getattr(module, "COMPOSITES", ())}


def definitions(*names: str) -> dict[str, Json]:
    """Return these definitions and those that they call. Raises UserError for an unknown name."""
    known, found, todo = composites(), dict[str, Json](), list(reversed(names))
    while todo:
        name = todo.pop()
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(known))}"
            raise UserError(f"the library has no definition {name!r}{hint}")
        if name not in found:
            found[name] = known[name].definition
            todo += [other for other in _mentioned(found[name]) if other in known]
    return found


def _mentioned(definition: Json) -> Iterator[str]:
    """What the nodes of a definition call, and what fills its sockets."""
    for node in definition["nodes"].values():
        yield node["call"]
        yield from (value for value in node.get("params", {}).values() if isinstance(value, str))
    for parameter in definition.get("parameters", {}).values():
        if parameter["type"] == "block":
            yield parameter["default"]
