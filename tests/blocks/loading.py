"""A block's own class or function, loaded from its file."""

import importlib.util
from functools import cache
from typing import Any

from designer.catalogue import catalogue, file_of


@cache
def target(block: str) -> Any:
    """Return the class or function that a block is rendered as."""
    path = file_of(block).path
    spec = importlib.util.spec_from_file_location(f"block_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, catalogue()[block].target)
