"""A024: one stream sets the statistics of the other."""

import math
from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.joints import normalise_both
from designer.rules.tracing import origins
from designer.shapes.values import Tensor

RULE = Rule(
    code="A024",
    title="Groups across a joint",
    severity="warning",
    family="advice",
    effect=0.01,
    what="A constant or a gate weighs trunk or skip before they are concatenated, one of the groups of the GroupNorm behind holds "
    "channels of both, and one stream is predicted over ten times as loud as the other.",
    why="The louder stream sets the statistics of that group, and the other goes on as good as silent.",
    example="ConcatChannels of 24 and 16 channels, the skip scaled by 20, into a GroupNorm of 4 groups.",
    instead="Normalise each stream before they are joined, or choose groups that end at the joint.",
    article="6, 7",
    reference="Wu & He 2018, arXiv:1803.08494",
)
LIMIT = 10.0  # published U-Nets reach 8.5


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at norms in groups of what a concatenation of a skip made; without a weight, published U-Nets straddle too."""
    flow = context.flow
    weighed = {
        leaf.key
        for leaf in flow.tagged("concat")
        if any(one.has("scale", "gating") for _, one in flow.inputs(leaf))
    }
    norms = flow.tagged("norm") if weighed else ()
    joined = {leaf.path: leaf for norm in norms for leaf in _straddled(context, norm) if leaf.key in weighed}
    if not joined or context.prediction is None:
        return
    for fusion in context.prediction.fusions:
        leaf = joined.get(tuple(part for part in fusion.node.split(".") if not part.isdigit()))
        if leaf is None or fusion.ratio in (0.0, math.inf) or 1 / LIMIT <= fusion.ratio <= LIMIT:
            continue
        yield Diagnostic(
            RULE.code,
            "warning",
            f"{leaf.call.node.id} joins a skip {fusion.ratio:.2g} times as loud as the trunk, and a group of the norm behind it "
            "holds channels of both; normalise each stream first",
            leaf.place,
            received=f"ρ = {fusion.ratio:.2g}",
            expected=f"1/{LIMIT:g} … {LIMIT:g}, or groups that end at the joint",
            fix=normalise_both(leaf),
            reference=RULE.article,
            path=leaf.path,
        )


def _straddled(context: RuleContext, norm: Leaf) -> Iterable[Leaf]:
    """The concatenations before a norm in groups of which one holds channels of both streams."""
    groups = norm.iteration.params.get("num_groups")
    if not isinstance(groups, int):
        return
    for leaf in origins(context.flow, norm, norm.spec.inputs[0].name):
        maps = [one for one in leaf.call.inputs.values() if isinstance(one, Tensor) and len(one.shape) == 4]
        widths = [one.shape[1] for one in maps if isinstance(one.shape[1], int)]
        if leaf.has("concat") and len(widths) == 2 and widths[0] * groups % sum(widths):
            yield leaf


def _joined(factor: float) -> examples.Document:
    nodes = {
        "wide": {"call": "Conv2d", "params": {"out_channels": 24}},
        "scale": {"call": "Scale", "params": {"factor": factor}},
        "fuse": {"call": "ConcatChannels"},
        "norm": {"call": "GroupNorm", "params": {"num_groups": 4}},
    }
    edges = [
        ("x", "wide.x"),
        ("skip", "scale.x"),
        ("wide.out", "fuse.a"),
        ("scale.out", "fuse.b"),
        ("fuse.out", "norm.x"),
    ]
    return examples.skip_fusion(nodes, edges, "norm.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _joined(20.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _joined(1.0)
