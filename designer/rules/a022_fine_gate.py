"""A022: gate per pixel without smoothing."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.skip_gates import SkipGate, skip_gates

RULE = Rule(
    code="A022",
    title="Gate per pixel without smoothing",
    severity="warning",
    family="advice",
    effect=0.01,
    what="A bounded gate with a weight for each pixel or element acts on a long skip, and nothing smooths it.",
    why="It is a local amplifier of high gain (literature; bounded versions were fine in the measured runs).",
    example="SpatialGate with a sigmoid, straight into Weigh.",
    instead="A gate per channel, or SmoothMask behind the bound.",
    article="5.1, 5.3",
    reference="Zhang 2019, arXiv:1904.11486",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at the granularity of what weighs each skip."""
    for one in skip_gates(context.flow):
        gate = one.gate.spec.gate
        fine = gate is not None and gate.granularity in ("spatial", "full")
        smooth = any(context.flow.leaves[key].has("lowpass") for key in _computed(context, one))
        if gate and fine and not one.unbounded and not smooth:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{one.gate.place} gives each {'pixel' if gate.granularity == 'spatial' else 'element'} of a long skip its "
                "own weight; smooth the mask or gate channels",
                one.product.place,
                one.port,
                received=gate.granularity,
                expected="channel, or a smoothed mask",
                fix=_fix(one),
                reference=RULE.article,
                path=one.product.path,
            )


def _fix(one: SkipGate) -> Fix | None:
    """Blur the mask before it weighs the skip."""
    definition, target = one.product.frame.definition, f"{one.product.call.node.id}.{one.port}"
    if target not in definition.sources:
        return None
    return Fix("Smooth the mask", chain(definition, target, [("SmoothMask", "smooth", {})]))


def _computed(context: RuleContext, one: SkipGate) -> list[tuple[str, ...]]:
    """The block calls, not the network's inputs, on which the weighing depends."""
    return [key for key in context.flow.upstream(one.product) if key in context.flow.leaves]


def _gated(behind: dict[str, dict[str, str]], edges: list[tuple[str, str]]) -> examples.Document:
    return examples.skip_fusion(
        {"gate": {"call": "SpatialGate"}, **behind, "weigh": {"call": "Weigh"}, "fuse": {"call": "Add"}},
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
    return _gated(
        {"bound": {"call": "DoubleSigmoidBound"}}, [("gate.out", "bound.x"), ("bound.out", "weigh.w")]
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _gated(
        {"bound": {"call": "DoubleSigmoidBound"}, "smooth": {"call": "SmoothMask"}},
        [("gate.out", "bound.x"), ("bound.out", "smooth.x"), ("smooth.out", "weigh.w")],
    )
