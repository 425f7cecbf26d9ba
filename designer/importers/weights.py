"""Which tensors of a source make each tensor of the rendered model, decided from names and shapes alone.

`convert` applies the assignment to tensors in memory; `designer.importers.stream` applies it to files.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

from designer.errors import UserError
from designer.importers import Rule

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]
SHOWN = 8  # problems in one message


@dataclass(frozen=True)
class Piece:
    """A tensor of the source, its chunks along axis 0 in this order."""

    source: str
    order: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Assignment:
    """A tensor of the rendered model: pieces joined along axis 0, then given this shape."""

    target: str
    shape: Shape
    pieces: tuple[Piece, ...]


def assign(
    rules: Sequence[Rule], source: Mapping[str, Shape], target: Mapping[str, Shape]
) -> list[Assignment]:
    """Return an assignment for each target tensor, in the order of `target`.

    Raises UserError that names tensors without source, tensors left over, and shapes that do not fit.
    """
    parts: dict[str, dict[int, Piece]] = {}
    counts: dict[str, int] = {}
    problems: list[str] = []
    for key, shape in source.items():
        rule = _first_match(rules, key)
        name = key if rule is None else _target(rule, key)
        if not name:
            continue
        index, count = rule.part if rule is not None and rule.part else (0, 1)
        order = rule.order if rule is not None else None
        if order is not None and (not shape or shape[0] % len(order)):
            problems.append(f"{key}: {_text(shape)} cannot be split into {len(order)} equal chunks")
        elif name not in target:
            problems.append(f"{key}: is left over (the model has no {name})")
        elif index in parts.setdefault(name, {}):
            problems.append(f"{key}: {name} already comes from {parts[name][index].source}")
        else:
            parts[name][index] = Piece(key, order)
            counts[name] = count
    found: list[Assignment] = []
    for name, wanted in target.items():
        pieces = tuple(piece for _, piece in sorted(parts.get(name, {}).items()))
        if not pieces or len(pieces) != counts[name]:
            has = f"only {', '.join(piece.source for piece in pieces)} was given" if pieces else "is missing"
            problems.append(f"{name}: {has}")
            continue
        shapes = [source[piece.source] for piece in pieces]
        if not _fits(shapes, wanted):
            received = " + ".join(f"{piece.source} {_text(source[piece.source])}" for piece in pieces)
            problems.append(f"{name}: expected {_text(wanted)}, received {received}")
        found.append(Assignment(name, wanted, pieces))
    if problems:
        more = f" … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise UserError("the weights do not fit the design: " + "; ".join(problems[:SHOWN]) + more)
    return found


def convert(
    rules: Sequence[Rule], source: Mapping[str, "Tensor"], target: Mapping[str, Shape]
) -> dict[str, "Tensor"]:
    """Return the tensors of the rendered model, whose shapes are `target`. Raises UserError as `assign` does."""
    import torch

    shapes = {name: tuple(tensor.shape) for name, tensor in source.items()}
    result: dict[str, Tensor] = {}
    for one in assign(rules, shapes, {name: tuple(shape) for name, shape in target.items()}):
        pieces = [_ordered(source[piece.source], piece.order) for piece in one.pieces]
        joined = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        result[one.target] = joined.reshape(one.shape)
    return result


def _ordered(tensor: "Tensor", order: tuple[int, ...] | None) -> "Tensor":
    import torch

    if order is None:
        return tensor
    chunks = tensor.chunk(len(order))
    return torch.cat([chunks[index] for index in order])


@lru_cache(maxsize=4096)  # re's own memory holds 512, fewer than the rules of a deep network
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _first_match(rules: Sequence[Rule], key: str) -> Rule | None:
    return next((rule for rule in rules if _compiled(rule.pattern).fullmatch(key)), None)


def _target(rule: Rule, key: str) -> str:
    match = _compiled(rule.pattern).fullmatch(key)
    return match.expand(rule.target) if match else ""


def _fits(shapes: Sequence[Shape], wanted: Shape) -> bool:
    """Whether the shapes, joined along axis 0, differ from the wanted one by axes of size 1 at most.

    A single matrix may also be the filters of a convolution, each written as one row.
    """
    if len(shapes) == 1:
        rows = len(shapes[0]) == 2 and len(wanted) > 2 and shapes[0] == (wanted[0], prod(wanted[1:]))
        return rows or _squeezed(shapes[0]) == _squeezed(wanted)
    if any(not shape for shape in shapes):
        return False
    tails = {_squeezed(shape[1:]) for shape in shapes}
    length = sum(shape[0] for shape in shapes)
    return tails == {_squeezed(wanted[1:])} and bool(wanted) and length == wanted[0]


def _squeezed(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _text(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}] ({prod(shape)} numbers)"
