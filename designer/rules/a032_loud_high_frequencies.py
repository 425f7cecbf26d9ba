"""A032: a skip's high frequencies are let through louder than its low ones."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import setting
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A032",
    title="High frequencies of a skip at every noise level",
    severity="info",
    family="advice",
    effect=0.01,
    what="A band split on a long skip lets high frequencies through with a larger weight than low ones, whatever the noise level.",
    why="At low signal-to-noise ratios the high band of an encoder's features is mostly noise, and the skip carries it past the "
    "bottleneck.",
    example="BandSplit with low 1 and high 1.5 on a skip.",
    instead="λ_high ≤ λ_low at low SNR: SNRBandSplit, or a high weight of at most the low one.",
    article="6",
    reference="Si et al. 2023, arXiv:2309.11497 (FreeU)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the two constant weights of each band split on a skip."""
    for leaf in context.flow.tagged("lowpass"):
        low, high = (leaf.iteration.params.get(name) for name in ("low", "high"))
        value = leaf.input(leaf.spec.inputs[0].name)
        skip = isinstance(value, Tensor) and value.role == "skip"
        if skip and isinstance(low, (int, float)) and isinstance(high, (int, float)) and high > low:
            yield Diagnostic(
                RULE.code,
                "info",
                f"{leaf.call.node.id} weighs the skip's high frequencies by {high:g} and its low ones by {low:g} at every noise "
                "level; in noise the high ones should weigh less",
                leaf.place,
                "high",
                received=f"λ_high = {high:g}",
                expected=f"at most {low:g} at low SNR",
                fix=_fix(context, leaf, low),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(context: RuleContext, leaf: Leaf, low: float) -> Fix | None:
    operation = setting(context.design, leaf.path, "high", low)
    return Fix(f"Set high to {low:g}", (operation,)) if operation else None


def _split(high: float) -> examples.Document:
    nodes = {
        "bands": {"call": "BandSplit", "params": {"high": high}},
        "fuse": {"call": "ConcatChannels"},
        "proj": {"call": "Conv2d", "params": {"out_channels": 16}},
    }
    edges = [("skip", "bands.x"), ("x", "fuse.a"), ("bands.out", "fuse.b"), ("fuse.out", "proj.x")]
    return examples.skip_fusion(nodes, edges, "proj.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _split(1.5)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _split(0.5)
