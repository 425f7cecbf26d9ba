"""A046: a learned gate on a long skip should be bounded."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.g016_unbounded_skip_gate import bound
from designer.rules.skip_gates import skip_gates

RULE = Rule(
    code="A046",
    title="Unbounded gate on a long skip",
    severity="warning",
    family="advice",
    effect=0.005,
    what="A learned scalar or channel gate without bound weighs a long skip, driven by time, level or condition alone.",
    why="Its gain is uncontrolled: measured gates reached 34 and the skip 9.7 times the trunk, though the loss was equal.",
    example="ChannelMLPGate straight into Weigh of a skip.",
    instead="σ or 2σ behind the gate.",
    article="5.1",
    reference="Huang et al. 2023, arXiv:2310.13545 (ScaleLong)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at what weighs each skip; G016 has those that follow the content."""
    for one in skip_gates(context.flow):
        if one.unbounded and one.gate.spec.gate and one.gate.spec.gate.learned and not one.follows_content:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{one.gate.place} is a learned gate without bound on a long skip; bound it",
                one.product.place,
                one.port,
                received=one.gate.spec.name,
                expected="a bounded gate (σ, 2σ, tanh)",
                fix=bound(one),
                reference=RULE.article,
                path=one.product.path,
            )


def _gated(bounded: bool) -> examples.Document:
    bounds = {"bound": {"call": "DoubleSigmoidBound"}} if bounded else {}
    edges = [("gate.out", "bound.x"), ("bound.out", "weigh.w")] if bounded else [("gate.out", "weigh.w")]
    return examples.skip_fusion(
        {"gate": {"call": "ChannelMLPGate"}, **bounds, "weigh": {"call": "Weigh"}, "fuse": {"call": "Add"}},
        [
            ("skip", "gate.x"),
            ("c", "gate.c"),
            *edges,
            ("skip", "weigh.x"),
            ("x", "fuse.a"),
            ("weigh.out", "fuse.b"),
        ],
        "fuse.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _gated(False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _gated(True)
