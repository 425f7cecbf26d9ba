"""The trials of a sweep: every design with every combination of the settings asked for."""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from designer.document import Design, load
from designer.errors import UserError
from designer.train.options import TrainOptions
from designer.train.repeat import changed_design

ALIASES = {"lr": "learning_rate"}
# what changes neither the losses nor the verdict
_CIRCUMSTANCES = ("device", "threads", "time_limit_s", "memory_limit_bytes")


@dataclass(frozen=True)
class Point:
    """One trial: a design, by its label in the sweep, the settings that tell it apart, all its options."""

    label: str
    settings: Mapping[str, Any]
    design: Design
    options: TrainOptions

    @property
    def name(self) -> str:
        """Return the name of the trial's folder; another design or other options give another name."""
        options = {k: v for k, v in self.options.to_json().items() if k not in _CIRCUMSTANCES}
        told = json.dumps([self.design.hash(), options], sort_keys=True)
        text = "-".join([self.label, *(f"{name}-{value}" for name, value in self.settings.items())])
        stem = re.sub(r"[^A-Za-z0-9_.+-]+", "-", text)[:80].strip("-.")
        return f"{stem}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def read_grid(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Read NAME=VALUE,VALUE… texts; values are JSON or else text. Raises UserError."""
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, separator, values = text.partition("=")
        if not separator or not name or not values:
            raise UserError(f"--grid {text!r}: expected NAME=VALUE,VALUE, such as lr=1e-4,1e-3")
        name = name.strip()
        if name in grid:
            raise UserError(f"--grid {text!r}: {name} is given twice")
        if ALIASES.get(name, name) == "seeds":
            raise UserError("--grid seeds: seeds belong to every trial; expected --seed N for each")
        grid[name] = list(dict.fromkeys(_value(one) for one in values.split(",")))
    return grid


def points(
    designs: Sequence[str | Path], grid: Mapping[str, Sequence[Any]], base: Mapping[str, Any]
) -> list[Point]:
    """Return the trials. A name of the grid is a training option, or else a parameter of every design.

    Raises UserError for a value or a name that cannot be used, before anything has run.
    """
    known = set(TrainOptions().to_json())
    found = []
    for label, design in _labelled([load(path) for path in designs]).items():
        for values in itertools.product(*grid.values()):
            settings = dict(zip(grid, values, strict=True))
            asked = {ALIASES.get(name, name): value for name, value in settings.items()}
            options = {name: value for name, value in asked.items() if name in known}
            own = {name: value for name, value in asked.items() if name not in known}
            found.append(
                Point(
                    label, settings, changed_design(design, own), TrainOptions.from_json({**base, **options})
                )
            )
    return found


def _labelled(designs: Sequence[Design]) -> dict[str, Design]:
    """Name each design; those of one name are numbered, a design that is given twice counts once."""
    labels: dict[str, Design] = {}
    for design in designs:
        if any(design.hash() == other.hash() for other in labels.values()):
            continue
        names = itertools.chain([design.name], (f"{design.name}-{number}" for number in itertools.count(2)))
        labels[next(name for name in names if name not in labels)] = design
    return labels


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, list | dict) or value is None:
        raise UserError(f"--grid value {text!r}: expected a number, true, false or a text")
    return value
