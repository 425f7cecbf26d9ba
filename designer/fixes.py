"""Applying the fixes that diagnostics offer: one, or all until none is left. Nothing of the design is run."""

from dataclasses import dataclass

from designer.check import check
from designer.diagnostics import Diagnostic, Fix
from designer.document import Design
from designer.operations import apply_operation

MAX_FIXES = 200


@dataclass(frozen=True)
class Applied:
    """One fix that was applied: the code of its rule, the place, its title."""

    code: str
    node: str
    title: str


def apply(design: Design, fix: Fix) -> Design:
    """Return the design with a fix applied. Raises UserError when a place of the fix does not exist."""
    for operation in fix.operations:
        design = apply_operation(design, operation)
    return design


def fix_all(design: Design, code: str | None = None) -> tuple[Design, list[Applied]]:
    """Apply the offered fixes, of one rule or of all, until none is left; return what was applied.

    A fix that leaves its diagnostic where it was is applied once.
    """
    done: list[Applied] = []
    while len(done) < MAX_FIXES:
        found = check(design, notes=code is not None).diagnostics
        offered = [one for one in found if one.fix and code in (None, one.code)]
        todo = next((one for one in offered if _named(one) not in done), None)
        if todo is None or todo.fix is None:
            break
        design = apply(design, todo.fix)
        done.append(_named(todo))
    return design, done


def _named(diagnostic: Diagnostic) -> Applied:
    return Applied(diagnostic.code, diagnostic.node, diagnostic.fix.title if diagnostic.fix else "")
