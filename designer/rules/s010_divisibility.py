"""S010: sizes do not divide."""

import re

from designer.diagnostics import Diagnostic, Fix
from designer.document import Design
from designer.operations import setting
from designer.rules import Rule, examples

RULE = Rule(
    code="S010",
    title="Sizes do not divide",
    severity="error",
    family="structure",
    what="A block's condition on its numbers fails: groups into channels, heads into width, patches into pixels.",
    why="The block cannot be built.",
    example="GroupNorm of 32 groups over 48 channels.",
    instead="Choose the nearest value that divides.",
    article="2.1, 2.4.2",
)


def fix(design: Design, diagnostic: Diagnostic) -> Fix | None:
    """Set the divisor to the nearest number that divides, where it is written."""
    values = dict(re.findall(r"(\w+)=(\d+)", diagnostic.received))
    condition = re.fullmatch(r"(\w+) % (\w+) == 0", diagnostic.expected)
    if condition is None or not values.keys() >= set(condition.groups()):
        return None
    whole, divisor = (int(values[name]) for name in condition.groups())
    param = condition.group(2)
    nearest = min(
        (one for one in range(1, whole + 1) if whole % one == 0), key=lambda one: abs(one - divisor)
    )
    operation = setting(design, diagnostic.path, param, nearest)
    return Fix(f"Set {param} to {nearest}", (operation,)) if operation else None


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _normalised(5)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _normalised(4)


def _normalised(num_groups: int) -> examples.Document:
    return examples.convolutional(
        {"norm": {"call": "GroupNorm", "params": {"num_groups": num_groups}}},
        [("h.out", "norm.x")],
        "norm.out",
    )
