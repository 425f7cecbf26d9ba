"""A009: layerScale start."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import setting
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf

RULE = Rule(
    code="A009",
    title="LayerScale start",
    severity="warning",
    family="advice",
    effect=0.01,
    what="LayerScale starts above 0.1 or below 1e-8.",
    why="Above, it no longer quiets the branch; below, its gradient drowns in Adam's ε and the branch stays off.",
    example="init_value = 1 in a stack of 24 blocks.",
    instead="1e-1 (up to 18 blocks), 1e-5 (up to 24), 1e-6 beyond.",
    article="10.2",
    reference="Touvron et al. 2021, arXiv:2103.17239",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Read the start value of each LayerScale."""
    for leaf in context.flow.tagged("residual_gate"):
        value = leaf.iteration.params.get("init_value")
        if isinstance(value, (int, float)) and not 1e-8 <= abs(value) <= 0.1:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"LayerScale starts at {value:g}; it is meant to start between 1e-6 and 1e-1",
                leaf.place,
                "init_value",
                received=f"{value:g}",
                expected="1e-6 … 1e-1",
                fix=_fix(context, leaf),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(context: RuleContext, leaf: Leaf) -> Fix | None:
    operation = setting(context.design, leaf.path, "init_value", 1e-4)
    return Fix("Start at 1e-4", (operation,)) if operation else None


def _scaled(value: float) -> examples.Document:
    block = examples.block(
        {
            "norm": {"call": "LayerNorm"},
            "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
            "scale": {"call": "LayerScale", "params": {"init_value": value}},
            "add": {"call": "Add"},
        },
        [
            ("x", "norm.x"),
            ("norm.out", "fc.x"),
            ("fc.out", "scale.x"),
            ("x", "add.a"),
            ("scale.out", "add.b"),
        ],
        "add.out",
    )
    return examples.transformer(block, 6)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _scaled(1.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _scaled(1e-4)
