"""G016: a learned gate on a long skip that follows the content is bounded."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import insertion
from designer.rules import Rule, RuleContext, examples
from designer.rules.skip_gates import SkipGate, skip_gates

RULE = Rule(
    code="G016",
    title="Unbounded content gate on a long skip",
    severity="error",
    family="gating",
    what="A learned gate without bound weighs a long skip, and follows the streams themselves or acts per pixel.",
    why="Features raise the gate and the gate raises the features: measured gates of 1e16 and NaN in 2 of 3 seeds at "
    "steps 133–143, where the bounded twin trained normally.",
    example="SpatialGate straight into Weigh of a skip.",
    instead="Bound it (2σ keeps the weight 1 at the start), or use a variance-preserving sum.",
    article="5.1, 5.3",
    reference="Huang et al. 2023, arXiv:2310.13545 (ScaleLong); Srivastava et al. 2015, arXiv:1505.00387",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at what weighs each skip."""
    for one in skip_gates(context.flow):
        if one.unbounded and one.gate.spec.gate and one.gate.spec.gate.learned and one.follows_content:
            yield Diagnostic(
                RULE.code,
                "error",
                f"{one.gate.place} is a gate without bound on a long skip and follows its content: multiplicative "
                "feedback; bound it",
                one.product.place,
                one.port,
                received=one.gate.spec.name,
                expected="a bounded gate (σ, 2σ, tanh)",
                fix=bound(one),
                reference=RULE.article,
                path=one.product.path,
            )


def bound(one: SkipGate) -> Fix | None:
    """Put 2σ between the gate and the skip: the weight is 1 where the gate starts at 0."""
    definition, target = one.product.frame.definition, f"{one.product.call.node.id}.{one.port}"
    if target not in definition.sources:
        return None
    operations = insertion(definition, target, "DoubleSigmoidBound", "bound", ("x", "out"))
    return Fix("Bound the gate by 2σ: the weight starts at 1 and stays below 2", operations)


def _gated(bounded: bool) -> examples.Document:
    bounds = {"bound": {"call": "DoubleSigmoidBound"}} if bounded else {}
    edges = [("gate.out", "bound.x"), ("bound.out", "weigh.w")] if bounded else [("gate.out", "weigh.w")]
    return examples.skip_fusion(
        {"gate": {"call": "SpatialGate"}, **bounds, "weigh": {"call": "Weigh"}, "fuse": {"call": "Add"}},
        [
            ("skip", "gate.x"),
            ("x", "gate.other"),
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
