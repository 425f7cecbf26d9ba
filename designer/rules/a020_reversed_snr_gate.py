"""A020: sNR gate the wrong way round."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import setting
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf

RULE = Rule(
    code="A020",
    title="SNR gate the wrong way round",
    severity="warning",
    family="advice",
    effect=0.011,
    what="The weight of a stream falls as the signal grows.",
    why="It opens the skip where it carries noise and closes it where it carries detail (measured: +.011 normalised loss against the right way, every seed).",
    example="SNRGate with beta −1.",
    instead="Make beta positive.",
    article="5.2",
    reference="Kingma et al. 2021, arXiv:2107.00630",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Read the sign of each gate's slope over log-SNR."""
    for leaf in context.flow.tagged("gate"):
        slope = leaf.number(leaf.spec.gate.slope) if leaf.spec.gate else None
        if slope is not None and slope < 0:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{leaf.call.node.id} closes as the signal grows (slope {slope:g} per unit of log-SNR); flip its sign",
                leaf.place,
                received=f"slope {slope:g}",
                expected="a positive slope",
                fix=_fix(context, leaf),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(context: RuleContext, leaf: Leaf) -> Fix | None:
    beta = leaf.iteration.params.get("beta")
    operation = setting(context.design, leaf.path, "beta", -beta) if isinstance(beta, (int, float)) else None
    return Fix(f"Set beta to {-beta:g}", (operation,)) if operation and beta else None


def gated(beta: float) -> examples.Document:
    """Return a denoiser whose skip is weighed by a sigmoid of the log-SNR of slope beta / 4."""
    return examples.skip_fusion(
        {
            "log_snr": {"call": "LogSNRCosine"},
            "gate": {"call": "SNRGate", "params": {"beta": beta}},
            "weigh": {"call": "Weigh"},
            "fuse": {"call": "Add"},
        },
        [
            ("t", "log_snr.t"), ("skip", "gate.x"), ("log_snr.log_snr", "gate.log_snr"), ("skip", "weigh.x"),
            ("gate.out", "weigh.w"), ("x", "fuse.a"), ("weigh.out", "fuse.b"),
        ],
        "fuse.out",
    )  # fmt: skip


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return gated(-1.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return gated(1.0)
