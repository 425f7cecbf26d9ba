"""What a design spends of its own budgets, and which nodes spend the most."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from designer.budgets import BUDGETS
from designer.document import Design
from designer.operating import BYTES
from designer.shapes.frame import Frame
from designer.summary import NodeCost, Summary, summarize_frame

_TOTALS: dict[str, Callable[[Summary], int]] = {
    "parameters": lambda summary: summary.parameters,
    "flops": lambda summary: summary.flops,
    "inference_memory": lambda summary: summary.memory.inference,
    "training_memory": lambda summary: summary.memory.training,
}
# The share of one node; `width` is the bytes of a number. In training a weight has a gradient and two moments.
_SHARES: dict[str, Callable[[NodeCost, int], int]] = {
    "parameters": lambda node, width: node.parameters,
    "flops": lambda node, width: node.flops,
    "inference_memory": lambda node, width: node.parameters * width + node.forward_bytes,
    "training_memory": lambda node, width: (
        (node.parameters + 3 * node.trainable) * width + node.activation_bytes
    ),
}


@dataclass(frozen=True)
class Spending:
    """One budget: what is allowed, what the design comes to, and its nodes from the most expensive on."""

    budget: str
    used: int
    allowed: float
    nodes: tuple[tuple[str, int], ...]
    summary: Summary

    @property
    def unit(self) -> str:
        """The unit of both numbers: B, or none."""
        return BUDGETS[self.budget][1]

    def to_json(self) -> dict[str, Any]:
        """Return the use as plain JSON values."""
        at, precision = dict(self.summary.at), self.summary.precision
        return {
            "budget": self.budget,
            "used": self.used,
            "allowed": self.allowed,
            "over": self.over,
            "at": at,
            "precision": precision,
        }

    @property
    def over(self) -> bool:
        """Whether the design costs more than it may."""
        return self.used > self.allowed


def spending(design: Design, frame: Frame) -> tuple[Spending, ...]:
    """Return the use of each budget of an elaborated design. Raises UserError for a size that it does not have."""
    limits = {name: design.budgets[name] for name in BUDGETS if name in design.budgets}
    if not limits:
        return ()
    precision = design.budgets.get("precision", "fp32")
    summary = summarize_frame(design, frame, design.budgets.get("at"), precision)
    found = []
    for name, allowed in limits.items():
        shares = [(one.node, _SHARES[name](one, BYTES[precision])) for one in summary.nodes]
        ranked = tuple(sorted(shares, key=lambda share: -share[1]))
        found.append(Spending(name, _TOTALS[name](summary), allowed, ranked, summary))
    return tuple(found)
