"""A017: deep skips weigh more than shallow ones."""

from collections.abc import Iterable, Iterator
from typing import Any

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.skip_gates import LevelWeight, level_weights

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
    """Compare the weights of prescribed gates at different levels."""
    for shallow, deep in _rising(list(level_weights(context.flow))):
        yield Diagnostic(
            RULE.code,
            "warning",
            f"the skip at level {deep.level} weighs {deep.weight:.3g} and that at level {shallow.level} weighs "
            f"{shallow.weight:.3g}; let deep skips weigh less",
            deep.gate.place,
            received=f"{shallow.weight:.3g} → {deep.weight:.3g}",
            expected="κ^(i−1), κ ≈ 0.7",
            fix=_fix(shallow.gate, deep.gate),
            reference=RULE.article,
            path=deep.gate.path,
        )


def _rising(found: list[LevelWeight]) -> Iterator[tuple[LevelWeight, LevelWeight]]:
    """Yield a shallow and a deeper, louder skip: each of these once."""
    for deep in found:
        louder = (one for one in found if one.level < deep.level and one.weight < deep.weight * (1 - 1e-6))
        shallow = next(louder, None)
        if shallow is not None:
            yield shallow, deep


def _fix(*gates: Leaf) -> Fix:
    """Call ScaleLong's constants at the same levels."""
    operations: dict[str, Operation] = {}
    for gate in gates:
        definition, _, node = gate.place.partition("/")
        params = {"level": gate.call.node.params.get("level", 1), "kappa": 0.7}
        operations[gate.place] = {
            "op": "call", "definition": definition, "node": node, "call": "ScaleLongConstant", "params": params,
        }  # fmt: skip
    return Fix("Use κ^(i−1), κ = 0.7", tuple(operations.values()))


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
