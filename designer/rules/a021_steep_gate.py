"""A021: steep gate."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import setting
from designer.rules import Rule, RuleContext, examples
from designer.rules.a020_reversed_snr_gate import gated
from designer.rules.flow import Leaf

RULE = Rule(
    code="A021",
    title="Steep gate",
    severity="warning",
    family="advice",
    effect=0.005,
    what="A gate changes by more than a half per unit of log-SNR.",
    why="A high gain turns small errors of the gate into large steps of the stream (measured: skip 4.5–9.7 times the trunk against 1.9–2.9, losses equal).",
    example="SNRGate with beta 4.",
    instead="beta of at most 2.",
    article="5.1, 5.2",
    reference="Kingma et al. 2021, arXiv:2107.00630",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Read the slope of each gate over log-SNR."""
    for leaf in context.flow.tagged("gate"):
        slope = leaf.number(leaf.spec.gate.slope) if leaf.spec.gate else None
        if slope is not None and abs(slope) > 0.5:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{leaf.call.node.id} changes by {abs(slope):.3g} per unit of log-SNR; at most 0.5 is advised",
                leaf.place,
                received=f"{abs(slope):.3g}",
                expected="at most 0.5",
                fix=_fix(context, leaf, slope),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(context: RuleContext, leaf: Leaf, slope: float) -> Fix | None:
    if "beta" not in leaf.iteration.params:
        return None
    beta = 2.0 if slope > 0 else -2.0
    operation = setting(context.design, leaf.path, "beta", beta)
    return Fix(f"Set beta to {beta:g}", (operation,)) if operation else None


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return gated(4.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return gated(1.0)
