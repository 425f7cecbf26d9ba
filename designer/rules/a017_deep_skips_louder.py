"""A017: deep skips weigh more than shallow ones."""

from collections.abc import Iterable, Iterator
from typing import Any

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.skip_gates import level_weights

RULE = Rule(
    code="A017",
    title="Deep skips weigh more than shallow ones",
    severity="warning",
    family="advice",
    effect=0.01,
    what="The prescribed weight of a skip grows with its level: deep skips are let through louder than shallow ones.",
    why="Deep features are semantic and collide with the decoder's own; shallow ones carry the detail that skips are for.",
    example="PiecewiseGate with shallow 0.3 and deep 1.",
    instead="κ_i = κ^(i−1) with κ ≈ 0.7: ScaleLongConstant.",
    article="5.2",
    reference="Huang et al. 2023, arXiv:2310.13545 (ScaleLong)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the weights of prescribed gates at different levels, or of one gate at the next level."""
    if context.design.training.get("sampling_only"):
        return
    for shallow, deep, gate in _rising(list(level_weights(context.flow))):
        yield Diagnostic(
            RULE.code,
            "warning",
            f"the skip at level {deep[0]} weighs {deep[1]:.3g} and that at level {shallow[0]} weighs {shallow[1]:.3g}; "
            "let deep skips weigh less",
            gate.place,
            received=f"{shallow[1]:.3g} → {deep[1]:.3g}",
            expected="κ^(i−1), κ ≈ 0.7",
            fix=_fix(gate),
            reference=RULE.article,
            path=gate.path,
        )


def _rising(
    found: list[tuple[int, float, Leaf]],
) -> Iterator[tuple[tuple[int, float], tuple[int, float], Leaf]]:
    """Yield (level, weight) of a shallow and of a deeper, louder skip, with the deeper gate: each gate once."""
    for level, weight, gate in found:
        for other, less, _ in found:
            if other < level and abs(less) < abs(weight) * (1 - 1e-6):
                yield (other, less), (level, weight), gate
                break


def _fix(gate: Leaf) -> Fix | None:
    """Call ScaleLong's constants at the same level."""
    level = gate.call.node.params.get("level", 1)
    place = {"definition": gate.frame.definition.name, "node": gate.call.node.id}
    params = {"level": level, "kappa": 0.7}
    return Fix(
        "Use κ^(i−1), κ = 0.7", ({"op": "call", **place, "call": "ScaleLongConstant", "params": params},)
    )


def weighed(call: str, deep: int, /, **params: float) -> examples.Document:
    """Return a denoiser with two skips of one resolution, at levels 1 and `deep`, weighed by calls of a gate."""
    nodes: dict[str, Any] = {f"fuse_{one}": {"call": "Add"} for one in (1, 2)}
    edges = [
        ("x", "fuse_2.a"),
        ("fuse_2.out", "norm_2.x"),
        ("norm_2.out", "fuse_1.a"),
        ("fuse_1.out", "norm_1.x"),
    ]
    for one, level in ((1, 1), (2, deep)):
        nodes[f"gate_{one}"] = {"call": call, "params": {"level": level, **params}}
        nodes[f"weigh_{one}"] = {"call": "Weigh"}
        nodes[f"norm_{one}"] = {"call": "GroupNorm", "params": {"num_groups": 8}}
        edges += [
            ("skip", f"weigh_{one}.x"),
            (f"gate_{one}.out", f"weigh_{one}.w"),
            (f"weigh_{one}.out", f"fuse_{one}.b"),
        ]
    return examples.skip_fusion(nodes, edges, "norm_1.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return weighed("PiecewiseGate", 4, shallow=0.3, deep=1.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return weighed("ScaleLongConstant", 4)
