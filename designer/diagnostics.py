"""Problems are data: every check returns `Diagnostic` values, all together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Fix:
    """An edit that removes a problem: a title for people and the operations of `designer.operations`."""

    title: str
    operations: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the fix as plain JSON values."""
        return {"title": self.title, "operations": [dict(operation) for operation in self.operations]}


@dataclass(frozen=True)
class Diagnostic:
    """One problem at one place.

    `node` is "Definition/node" ("Definition" alone for the definition itself), `path` the calls that lead
    there from the main definition, `code` the rule (families S structure, G gating, A advice, E export).
    """

    code: str
    severity: Severity
    message: str
    node: str = ""
    port: str = ""
    received: str = ""
    expected: str = ""
    fix: Fix | None = None
    reference: str = ""
    path: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the diagnostic as plain JSON values (DESIGN section 6)."""
        return {
            "code": self.code,
            "severity": self.severity,
            "node": self.node,
            "port": self.port,
            "message": self.message,
            "received": self.received,
            "expected": self.expected,
            "fix": self.fix.to_json() if self.fix else None,
            "reference": self.reference,
            "path": list(self.path),
        }
