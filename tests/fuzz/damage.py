"""Random damage to design documents: values removed, replaced, swapped or doubled anywhere."""

import copy
import random
from collections.abc import Iterator
from typing import Any

VALUES: list[Any] = [
    0, 1, 2, -1, 7, 16, 0.5, True, False, None, "", "x", "channels", "2*channels", "i", "L", "c[i]", "[1, 2]", "B N D",
    "B C H W", "B H W", "any", "tokens", "map", "=channels", "Conv2d", "Linear", "Add", "SiLU", "'abc'", "1/0", [], {},
    ["x", "y.z"], "H//2", "x[]",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of keys to a JSON value and to each value inside it."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def holder_of(document: Any, path: tuple[Any, ...]) -> Any:
    """Return the dictionary or list that holds the value at a path."""
    for key in path[:-1]:
        document = document[key]
    return document


def damage(rng: random.Random, document: dict[str, Any]) -> None:
    """Change one value of a document in place."""
    path = rng.choice([one for one in places(document) if one and one[0] not in ("format", "format_version")])
    holder, last = holder_of(document, path), path[-1]
    kind = rng.choice(["remove", "replace", "replace", "swap", "double"])
    other = copy.deepcopy(rng.choice(list(holder.values()) if isinstance(holder, dict) else holder))
    if kind == "remove":
        del holder[last]
    elif kind == "double" and isinstance(holder, list):
        holder.append(other)
    else:
        holder[last] = other if kind == "swap" else copy.deepcopy(rng.choice(VALUES))
