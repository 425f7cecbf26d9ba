"""A016: variance-preserving sum of unequal streams."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.joints import normalise_both
from designer.rules.tracing import PASSING, origins

RULE = Rule(
    code="A016",
    title="Variance-preserving sum of unequal streams",
    severity="info",
    family="advice",
    effect=0.01,
    what="A sum divides by √(w_d² + w_s²) at a long skip whose predicted variance is over twice the trunk's, or under a half.",
    why="The formula preserves the variance of streams of unit variance; of unequal ones it follows the louder.",
    example="VPAdd of a normalised trunk and a skip of rms 4.",
    instead="Normalise both streams before the sum.",
    article="5.1, 5.2",
    reference="Song et al. 2021, arXiv:2011.13456; Karras et al. 2024, arXiv:2312.02696",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the predicted variances at normalised sums that exactly one long skip enters."""
    sums = {leaf.path: leaf for leaf in context.flow.tagged("normalized_add")}
    if not sums or context.prediction is None:
        return
    for fusion in context.prediction.fusions:
        leaf = sums.get(tuple(part for part in fusion.node.split(".") if not part.isdigit()))
        if leaf and not 0.5 <= fusion.ratio**2 <= 2 and not _normalised(context, leaf):
            yield Diagnostic(
                RULE.code,
                "info",
                f"{leaf.call.node.id} sums a skip of {fusion.ratio**2:.2g} times the trunk's variance as if both were equal; "
                "normalise them first",
                leaf.place,
                received=f"q_s/q_d = {fusion.ratio**2:.2g}",
                expected="0.5 … 2",
                fix=normalise_both(leaf),
                reference=RULE.article,
                path=leaf.path,
            )


def _normalised(context: RuleContext, leaf: Leaf) -> bool:
    """Whether both streams are of unit variance before their weights, which the sum knows."""
    sides = (origins(context.flow, leaf, port.name, PASSING | {"gating"}) for port in leaf.spec.inputs[:2])
    return all(one.has("norm") for side in sides for one in side)


def _summed(norms: bool) -> examples.Document:
    named = {"norm_a": "x", "norm_b": "scale.out"} if norms else {}
    nodes = {
        "scale": {"call": "Scale", "params": {"factor": 4.0}},
        "one": {"call": "UnitGate"},
        "fuse": {"call": "VPAdd"},
    }
    nodes |= {name: {"call": "PixelNorm"} for name in named}
    trunk, skip = ("norm_a.out", "norm_b.out") if norms else ("x", "scale.out")
    edges = [
        ("skip", "scale.x"),
        *((end, f"{name}.x") for name, end in named.items()),
        (trunk, "fuse.a"),
        (skip, "fuse.b"),
    ]
    return examples.skip_fusion(nodes, [*edges, ("one.out", "fuse.w_a"), ("one.out", "fuse.w_b")], "fuse.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _summed(False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _summed(True)
