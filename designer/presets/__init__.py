"""Published architectures as designs: one file a family, found by discovery.

A family file defines `PRESETS`, a tuple of `Preset`; each builds a document from a few sizes.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from designer.document import Design
from designer.errors import UserError
from designer.reader import read_design
from designer.shapes.params import declarations, problem
from designer.summary import summarize


@dataclass(frozen=True)
class Preset:
    """One published size. `document` returns the design as JSON values; `published` is the known count."""

    id: str
    family: str
    title: str
    summary: str
    reference: str
    document: Callable[[], dict[str, Any]] = field(repr=False)
    published: int | None = None

    @cached_property
    def design(self) -> Design:
        """The design of the preset."""
        return replace(read_design(self.document()), preset=self.id)

    @property
    def parameters(self) -> int:
        """How many parameters the model has: the published count, which the tests hold against the design's."""
        return summarize(self.design).parameters if self.published is None else self.published

    @property
    def inputs(self) -> list[dict[str, str]]:
        """Name, role and shape of each input."""
        return [
            {"name": port.name, "role": port.role, "shape": port.shape}
            for port in self.design.main_definition.inputs
        ]

    @property
    def drawing(self) -> str:
        """How the network is drawn: as a "u" with an encoder and a decoder, or as a "column"."""
        names = [name.partition("_")[0] for name in self.design.main_definition.nodes]
        inner = [name.partition("_")[0] for one in self.design.definitions.values() for name in one.nodes]
        return "u" if {"down", "up"} <= {*names, *inner} else "column"

    def to_json(self) -> dict[str, Any]:
        """Return the catalogue entry (DESIGN section 6)."""
        return {
            "id": self.id,
            "family": self.family,
            "title": self.title,
            "parameters": self.parameters,
            "inputs": self.inputs,
            "summary": self.summary,
            "drawing": self.drawing,
            "reference": self.reference,
        }


@lru_cache(maxsize=1)
def _registry() -> Mapping[str, Preset]:
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return {preset.id: preset for module in modules for preset in getattr(module, "PRESETS", ())}


def presets() -> list[Preset]:
    """Return every preset, families in alphabetical order, small sizes first as declared."""
    return list(_registry().values())


def build(preset_id: str, overrides: Mapping[str, Any] | None = None) -> Design:
    """Return the design of a preset with some of its parameters set.

    Raises UserError for an unknown preset or parameter, naming near matches.
    """
    preset = _registry().get(preset_id)
    if preset is None:
        near = difflib.get_close_matches(preset_id, _registry(), 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(_registry())}"
        raise UserError(f"no preset is named {preset_id!r}{hint}")
    design = preset.design
    known = design.main_definition.parameters
    declared = declarations(design.main_definition)
    for name, value in (overrides or {}).items():
        expected = problem(declared[name], value) if name in declared else ""
        if expected:
            raise UserError(f"{preset_id}: {name} is {value!r:.80}; expected {expected}")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
            raise UserError(f"{preset_id}: no parameter is named {name!r}{hint}")
    return replace(design, parameters={**design.parameters, **(overrides or {})})
