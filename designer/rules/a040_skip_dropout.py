"""A040: strong skip dropout."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import setting
from designer.rules import Rule, RuleContext, examples
from designer.shapes.values import Tensor

RULE = Rule(
    code="A040",
    title="Strong skip dropout",
    severity="warning",
    family="advice",
    effect=0.01,
    what="A skip is dropped with a probability above 0.3 in training.",
    why="The decoder learns to do without it, and quality collapses.",
    example="SkipDropout with p 0.5.",
    instead="At most 0.1.",
    article="9",
    reference="Srivastava et al. 2014, JMLR 15 (dropout)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Read the probability."""
    for leaf in context.flow.tagged("stochastic"):
        p = leaf.iteration.params.get("p")
        value = leaf.input(leaf.spec.inputs[0].name)
        skip = isinstance(value, Tensor) and value.role == "skip"
        if skip and isinstance(p, (int, float)) and p > 0.3:
            operation = setting(context.design, leaf.path, "p", 0.1)
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{leaf.call.node.id} drops the skip with probability {p:g}; at most 0.1 is advised",
                leaf.place,
                "p",
                received=f"{p:g}",
                expected="at most 0.1",
                fix=Fix("Set p to 0.1", (operation,)) if operation else None,
                reference=RULE.article,
                path=leaf.path,
            )


def _dropped(p: float) -> examples.Document:
    return examples.skip_fusion(
        {"drop": {"call": "SkipDropout", "params": {"p": p}}, "fuse": {"call": "Add"}},
        [("skip", "drop.x"), ("x", "fuse.a"), ("drop.out", "fuse.b")],
        "fuse.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _dropped(0.5)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _dropped(0.1)
