"""S016: no size fits."""

import re
from typing import Any

from designer.catalogue import catalogue
from designer.diagnostics import Diagnostic, Fix
from designer.document import Definition, Design
from designer.operations import chain
from designer.rules import Rule, examples
from designer.rules.joints import see_stream

RULE = Rule(
    code="S016",
    title="No size fits",
    severity="error",
    family="structure",
    what="The sizes asked for by different parts of the network exclude each other for every input.",
    why="There is no image that the network accepts.",
    example="A skip joined after two halvings and one doubling.",
    instead="Resample the skip, or connect it to the decoder level of its own resolution.",
    article="4, 8",
)


def fix(design: Design, diagnostic: Diagnostic) -> Fix | None:
    """Resample what arrives where it is a power of two too small or too large: on the port that the message names."""
    name, _, node = diagnostic.node.partition("/")
    definition = design.definitions.get(name)
    found = re.search(rf": {re.escape(node)}: (\w+): ", diagnostic.message)
    target = f"{node}.{found[1]}" if found else ""
    if definition is None or not _takes_map(definition, target):
        return None
    gate = see_stream(definition, node, target.partition(".")[2])
    if gate:
        return gate
    received, expected = int(diagnostic.received), int(diagnostic.expected)
    large, small = max(received, expected), min(received, expected)
    steps = (large // small).bit_length() - 1 if small else 0
    if not steps or small << steps != large:
        return None
    call, word = ("UpsampleNearest", "up") if received < expected else ("AvgPool2d", "down")
    calls: list[tuple[str, str, dict[str, Any]]] = [(call, f"{word}_{step}", {}) for step in range(steps)]
    return Fix(
        f"Resample {found[1] if found else ''} of {node} by {1 << steps}", chain(definition, target, calls)
    )


def _takes_map(definition: Definition, target: str) -> bool:
    """Whether one tensor arrives at a port of a block that takes maps or weights of them."""
    node, _, name = target.partition(".")
    spec = catalogue().get(definition.nodes[node].call) if node in definition.nodes else None
    port = next((port for port in spec.inputs if port.name == name), None) if spec else None
    source = definition.sources.get(target, "[]")
    return (
        port is not None
        and not port.stack
        and port.role not in ("tokens", "heads")
        and not source.endswith("[]")
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _halved(False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _halved(True)


def _halved(upsample: bool) -> examples.Document:
    middle = {
        "down": {"call": "DownsampleConv"},
        "up": {"call": "UpsampleConv", "when": "True" if upsample else "False"},
    }
    return examples.convolutional(middle, [("h.out", "down.x"), ("down.out", "up.x")], "up.out")
