"""Targets of `designer render`: each module here with `files(made)` adds files to those of a plain rendering.

A target is this function beside a folder of templates of the same name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from designer.errors import UserError

if TYPE_CHECKING:
    from designer.document import Design
    from designer.plan.model import Plan
    from designer.render import TensorSpec

PLAIN = "torch"


@dataclass(frozen=True)
class Made:
    """A plain rendering: the design, its plan, inputs and outputs, and its files by name."""

    design: "Design"
    plan: "Plan"
    inputs: tuple["TensorSpec", ...]
    outputs: tuple["TensorSpec", ...]
    files: dict[str, str]


def targets() -> list[str]:
    """Return the names of all targets."""
    found = [one.name for one in iter_modules(__path__) if hasattr(_module(one.name), "files")]
    return sorted([PLAIN, *found])


def files_of(target: str) -> Callable[[Made], dict[str, str]] | None:
    """Return what adds a target's files; None for the plain one. Raises UserError for an unknown one."""
    if target == PLAIN:
        return None
    if target not in targets():
        raise UserError(f"the target {target!r} is not available; available: {', '.join(targets())}")
    add: Callable[[Made], dict[str, str]] = _module(target).files
    return add


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")
