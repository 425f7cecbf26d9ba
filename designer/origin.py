"""Which nodes an error in rendered code comes from, by the source map: from a traceback or a message to the design."""

import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

# A class of the rendered file, an attribute of it that is a node, and the definition that the class is one of.
Known = tuple[str, str, str]
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')


def nodes_of_lines(source_map: Iterable[Mapping[str, Any]]) -> dict[int, list[str]]:
    """Return for each line of the rendered model the nodes that it comes from, each "Definition/node"."""
    found: dict[int, list[str]] = {}
    for entry in source_map:
        found.setdefault(entry["line"], []).append(f"{entry['definition']}/{entry['node']}")
    return found


def known_nodes(source_map: Iterable[Mapping[str, Any]]) -> frozenset[Known]:
    """Return which attributes of which rendered classes are nodes, and of which definition each class is one."""
    return frozenset((entry["class"], entry["node"], entry["definition"]) for entry in source_map)


def origin(error: BaseException, lines: Mapping[int, list[str]], path: str | Path) -> tuple[list[str], int]:
    """Return the nodes and the line for an error in the rendered file at `path`; no nodes for other errors.

    The innermost line counts that is a node's own, in the traceback, or, for tools that run the code elsewhere
    and quote it (torch.export, the ONNX exporter), in the text of the error or of its causes.
    """
    for one in _chain(error):
        for line in reversed([*_quoted(str(one), path), *_raised(one, path)]):
            if line in lines:
                return lines[line], line
    return [], 0


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The causes of an error first, itself last."""
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield from _chain(cause)
    yield error


def _raised(error: BaseException, path: str | Path) -> list[int]:
    frames = traceback.walk_tb(error.__traceback__)
    return [line for frame, line in frames if frame.f_code.co_filename == str(path)]


def _quoted(text: str, path: str | Path) -> list[int]:
    return [int(line) for file, line in _PLACE.findall(text) if file == str(path)]
