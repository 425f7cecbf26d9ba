"""Designs from the configurations of published model classes: one file a source class, found by discovery.

An importer file defines `IMPORTER` (or `IMPORTERS`). Its `convert` reads the arguments of the source class
through a `Config`, builds the document with the builder that the presets of the family use, and says in
rules under which names the rendered model keeps the source's tensors.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from designer.errors import UserError
from designer.importers.config import Config


@dataclass(frozen=True)
class Rule:
    """How a tensor of the source becomes (a part of) a tensor of the rendered model.

    `pattern` is a regular expression for the whole source key, `target` the replacement template; an empty
    target drops the tensor. With `part` (k, n) it is part k of n of the target, joined along axis 0. `order`
    rearranges its len(order) equal chunks along axis 0: chunk j of the target is chunk order[j] of the source.
    """

    pattern: str
    target: str
    part: tuple[int, int] | None = None
    order: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Imported:
    """A design as JSON values, and the rules for its weights: the first that matches wins, no match keeps the name."""

    document: dict[str, Any]
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Importer:
    """The importer of one source class."""

    source: str
    convert: Callable[[Config], Imported]


@lru_cache(maxsize=1)
def importers() -> Mapping[str, Importer]:
    """Return every importer by its source class."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found: dict[str, Importer] = {}
    for module in modules:
        single = getattr(module, "IMPORTER", None)
        for one in (*getattr(module, "IMPORTERS", ()), *((single,) if single else ())):
            found[one.source] = one
    return found


def convert_config(
    arguments: Mapping[str, Any], known: Mapping[str, Importer] | None = None, source: str = ""
) -> Imported:
    """Return the design of a configuration; its "_class_name" (or `source`) chooses the importer.

    Raises UserError for a class without importer and for an argument or value that cannot be honoured.
    """
    known = importers() if known is None else known
    name = source or arguments.get("_class_name")
    if not isinstance(name, str):
        raise UserError(
            'the configuration names no class; expected "_class_name", such as "UNet2DConditionModel"'
        )
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(
            f"_class_name: {name!r} has no importer{hint} (there are {', '.join(sorted(known)) or 'none'})"
        )
    config = Config(name, arguments)
    try:
        imported = known[name].convert(config)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        # arguments that are each of the right kind but contradict each other in a way that nothing above says
        raise UserError(
            f"{name}: the arguments describe no network ({type(error).__name__}: {error})"
        ) from error
    config.finish()
    return imported
