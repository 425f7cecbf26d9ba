"""A014: one stream drowns the other."""

import math
from collections.abc import Iterable, Iterator

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.joints import normalise_both
from designer.shapes.values import Tensor
from designer.stability.propagate import Fusion, Prediction

RULE = Rule(
    code="A014",
    title="One stream drowns the other",
    severity="warning",
    family="advice",
    effect=0.27,
    what="At an additive fusion the predicted rms of the skip is more than 5 times that of the trunk, at any noise level, or less than a fifth.",
    why="The weaker stream has no say in the sum (measured: at 9 times, and un-normalised, nothing was learned in 3 of 3 seeds; with a norm behind it the loss was unaffected).",
    example="Scale of 10 on a skip before Add.",
    instead="Normalise both streams, then weigh them.",
    article="4, 5.1, 6",
    reference="Huang et al. 2023, arXiv:2310.13545 (ScaleLong)",
)
LIMIT, HARD = 5.0, 8.0


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at sums that exactly one long skip enters; error where nothing normalises the sum."""
    sums = {leaf.path: leaf for leaf in context.flow.tagged("add") if _takes_skip(leaf)}
    if not sums or context.prediction is None:
        return
    for fusion in _fusions(context.prediction, context.extremes):
        leaf = sums.get(tuple(part for part in fusion.node.split(".") if not part.isdigit()))
        silent = fusion.ratio in (0.0, math.inf)  # an injection that starts at 0
        if leaf is None or silent or 1 / LIMIT <= fusion.ratio <= LIMIT:
            continue
        normalised = any(one.has("norm") for one in context.flow.after(leaf))
        yield Diagnostic(
            RULE.code,
            "warning" if normalised or fusion.ratio <= HARD else "error",
            f"the skip is {fusion.ratio:.2g} times as loud as the trunk at initialisation; normalise both, then weigh",
            leaf.place,
            received=f"ρ = {fusion.ratio:.2g}",
            expected="0.2 … 5",
            fix=normalise_both(leaf),
            reference=RULE.article,
            path=leaf.path,
        )


def _fusions(prediction: Prediction, extremes: tuple[Prediction, ...]) -> Iterator[Fusion]:
    """Yield each fusion as it is by itself, or at the noise level where the skip is too loud; closing a gate is meant."""
    for here, *others in zip(prediction.fusions, *(one.fusions for one in extremes), strict=True):
        worst = max((one for one in others if one.ratio < math.inf), key=lambda one: one.ratio, default=here)
        yield worst if worst.ratio > max(LIMIT, here.ratio) else here


def _takes_skip(leaf: Leaf) -> bool:
    roles = [value.role for value in leaf.call.inputs.values() if isinstance(value, Tensor)]
    return len(roles) == 2 and roles.count("skip") == 1 and not leaf.has("adapter")


def _summed(factor: float) -> examples.Document:
    return examples.skip_fusion(
        {"scale": {"call": "Scale", "params": {"factor": factor}}, "fuse": {"call": "Add"}},
        [("skip", "scale.x"), ("x", "fuse.a"), ("scale.out", "fuse.b")],
        "fuse.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _summed(20.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _summed(1.0)
