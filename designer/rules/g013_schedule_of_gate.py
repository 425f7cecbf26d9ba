"""G013: a gate that follows the log-SNR uses the schedule that the design is trained with."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples

RULE = Rule(
    code="G013",
    title="Schedule of an SNR gate",
    severity="error",
    family="gating",
    what="The log-SNR is computed for another noise schedule than the one the design states in training.",
    why="The gate would open at the wrong noise levels: the same t is a different SNR under another schedule.",
    example="LogSNRLinear in a design with schedule cosine.",
    instead="Use the log-SNR block of the design's schedule.",
    article="5.2",
    reference="Kingma et al. 2021, arXiv:2107.00630",
)
BLOCKS = {"linear": "LogSNRLinear", "cosine": "LogSNRCosine", "flow": "LogSNRFlow", "edm": "LogSNRSigma"}


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the schedule of each log-SNR block with the design's."""
    schedule = context.design.training.get("schedule")
    wanted = BLOCKS.get(schedule) if isinstance(schedule, str) else None
    for leaf in context.flow.tagged("noise_level"):
        if wanted is None or leaf.spec.name == wanted or leaf.spec.name not in BLOCKS.values():
            continue
        place = {"definition": leaf.frame.definition.name, "node": leaf.call.node.id}
        yield Diagnostic(
            RULE.code,
            "error",
            f"{leaf.spec.name} is the log-SNR of another schedule than the design's ({schedule}); use {wanted}",
            leaf.place,
            received=leaf.spec.name,
            expected=wanted,
            fix=Fix(f"Use {wanted}", ({"op": "call", **place, "call": wanted},)),
            reference=RULE.article,
            path=leaf.path,
        )


def _gated(block: str) -> examples.Document:
    return examples.convolutional(
        {"log_snr": {"call": block}, "gate": {"call": "SNRGate"}, "weigh": {"call": "Weigh"}},
        [
            ("t", "log_snr.t"),
            ("h.out", "gate.x"),
            ("log_snr.log_snr", "gate.log_snr"),
            ("h.out", "weigh.x"),
            ("gate.out", "weigh.w"),
        ],
        "weigh.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _gated("LogSNRLinear")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _gated("LogSNRCosine")
