"""From a rendered model's module names to the design's nodes."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from designer.origin import Known

if TYPE_CHECKING:
    from torch.nn import Module


def design_nodes(model: "Module", known: Iterable[Known] = ()) -> dict[str, str]:
    """Map each module name to "Definition/node": the definition of the class that holds the attribute, and the attribute.

    A numeric part of a name (an iteration of a repeat) belongs to the attribute before it. `known` are the
    nodes of the source map; a module inside a primitive block belongs to the nearest enclosing one that is
    known. Without a source map every attribute counts as a node of a definition named as its class.
    """
    pairs = {(kind, node): definition for kind, node, definition in known}
    modules = dict(model.named_modules())
    found = {"": ""}
    for name in modules:
        if name:
            found[name] = _node(name, modules, found, pairs)
    return found


def _node(
    name: str, modules: "dict[str, Module]", found: dict[str, str], pairs: Mapping[tuple[str, str], str]
) -> str:
    parent, _, attribute = name.rpartition(".")
    if attribute.isdigit():
        return found[parent]
    pair = (type(modules[parent]).__name__, attribute)
    if pairs and pair not in pairs:
        return found[parent]
    return f"{pairs.get(pair, pair[0])}/{attribute}"


def stacks(model: "Module") -> list[list[str]]:
    """Return the names of repeated blocks: two or more siblings of one class that have children."""
    groups: dict[tuple[str, type], list[str]] = {}
    for name, module in model.named_modules():
        parent, _, attribute = name.rpartition(".")
        if attribute.isdigit() and next(module.children(), None) is not None:
            groups.setdefault((parent, type(module)), []).append(name)
    return [names for names in groups.values() if len(names) > 1]
