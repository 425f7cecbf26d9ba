"""A023: sigmoid gate in the place of weight one."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.skip_gates import skip_gates
from designer.rules.tracing import origins

RULE = Rule(
    code="A023",
    title="Sigmoid gate in the place of weight one",
    severity="info",
    family="advice",
    effect=0.01,
    what="A sigmoid bounds a gate that starts at 0, so that the skip starts at half its weight.",
    why="The network begins with another balance than the one it replaces.",
    example="SigmoidBound behind ChannelMLPGate on a skip.",
    instead="2σ: the weight starts at 1 and stays below 2.",
    article="5.1",
    reference="Huang et al. 2023, arXiv:2310.13545 (ScaleLong)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for sigmoids between a gate that starts at 0 and a long skip."""
    for one in skip_gates(context.flow):
        gate = one.gate.spec.gate
        for bound in origins(context.flow, one.product, one.port):
            if gate and _is_sigmoid(bound) and one.gate.number(gate.initial) == 0:
                place = {"definition": bound.frame.definition.name, "node": bound.call.node.id}
                yield Diagnostic(
                    RULE.code,
                    "info",
                    f"{bound.place} lets the skip start at half its weight; 2σ lets it start at 1",
                    bound.place,
                    received="σ(0) = 1/2",
                    expected="2σ(0) = 1",
                    fix=Fix("Use 2σ", ({"op": "call", **place, "call": "DoubleSigmoidBound"},)),
                    reference=RULE.article,
                    path=bound.path,
                )


def _is_sigmoid(leaf: Leaf) -> bool:
    """Whether a bound maps any gate to 0 … 1, so that 0 becomes a half."""
    gate = leaf.spec.gate
    return (
        gate is not None
        and (gate.low, gate.high, gate.sources) == ("0", "1", ())
        and not leaf.has("residual_gate")
    )


def _gated(bound: str) -> examples.Document:
    return examples.skip_fusion(
        {"gate": {"call": "ChannelMLPGate"}, "bound": {"call": bound}, "weigh": {"call": "Weigh"}, "fuse": {"call": "Add"}},
        [
            ("skip", "gate.x"), ("c", "gate.c"), ("gate.out", "bound.x"), ("bound.out", "weigh.w"), ("skip", "weigh.x"),
            ("x", "fuse.a"), ("weigh.out", "fuse.b"),
        ],
        "fuse.out",
    )  # fmt: skip


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _gated("SigmoidBound")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _gated("DoubleSigmoidBound")
