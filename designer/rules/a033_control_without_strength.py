"""A033: control without a strength."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A033",
    title="Control without a strength",
    severity="warning",
    family="advice",
    effect=0.01,
    what="A control or adapter is added to the network without a strength that sampling can turn down.",
    why="At full strength it can dominate every level; published pipelines scale it per level.",
    example="ControlNet residuals added as they come.",
    instead="StrengthGate, or a Scale per level, before the sum.",
    article="5.2, 8",
    reference="Zhang et al. 2023, arXiv:2302.05543",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at sums that a control enters: some weight or scale must stand on the way."""
    for leaf in context.flow.tagged("add"):
        for port, value in leaf.call.inputs.items():
            if not isinstance(value, Tensor) or value.role != "control" or leaf.has("adapter"):
                continue
            made = context.flow.into(leaf, port)
            if made and not any(
                one.has("scale", "gating", "adapter") for one in (*made, *_later(context, leaf))
            ):
                yield Diagnostic(
                    RULE.code,
                    "warning",
                    f"{made[0].place} is added at {leaf.call.node.id} without a strength; scale it",
                    leaf.place,
                    port,
                    received="control at full strength",
                    expected="a strength per level",
                    fix=_fix(leaf, port),
                    reference=RULE.article,
                    path=leaf.path,
                )


def _fix(leaf: Leaf, port: str) -> Fix | None:
    """Put a constant before the sum: 1 to begin with, for a caller to turn down."""
    definition, target = leaf.frame.definition, f"{leaf.call.node.id}.{port}"
    if target not in definition.sources:
        return None
    return Fix("Scale the control", chain(definition, target, [("Scale", "strength", {"factor": 1.0})]))


def _later(context: RuleContext, leaf: Leaf) -> list[Leaf]:
    """What the sum goes through next within its definition."""
    after = context.flow.downstream(leaf.key)
    return [one for one in after if one.key[:-1] == leaf.key[:-1] and len(leaf.key) > 1]


def _controlled(nodes: dict[str, dict[str, str]], edges: list[tuple[str, str]]) -> examples.Document:
    inputs = (examples.IMAGE, examples.TIME, {"name": "map", "role": "control", "shape": "B 16 H W"})
    return examples.convolutional(
        {"hint": {"call": "Identity"}, **nodes, "add": {"call": "Add"}},
        [("map", "hint.x"), ("h.out", "add.a"), *edges],
        "add.out",
        inputs=inputs,
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _controlled({}, [("hint.out", "add.b")])


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _controlled(
        {"strength": {"call": "Scale"}}, [("hint.out", "strength.x"), ("strength.out", "add.b")]
    )
