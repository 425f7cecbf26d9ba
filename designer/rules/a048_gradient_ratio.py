"""A048: where the ratio of gradients says nothing of a skip."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.shapes.values import Tensor

RULE = Rule(
    code="A048",
    title="Gradient ratio of a skip",
    severity="info",
    family="advice",
    effect=0.0,
    what="A skip is added to the trunk, so that ρ_grad = ‖∇s'‖/‖∇d'‖ is 1 whatever the streams are.",
    why="A sum hands the same gradient to both sides; before a norm the ratio even rises when the skip is scaled down (measured: "
    "1.5 → 16). As a diagnostic of skip dominance it misleads.",
    example="Add of trunk and skip, watched by its gradients.",
    instead="ρ_contrib = ‖s'⊙∇s'‖/‖d'⊙∇d'‖, which the smoke-train reports beside it.",
    article="5.1",
    reference="Molchanov et al. 2019, arXiv:1906.10771 (importance as activation times gradient)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for the first sum that exactly one long skip enters."""
    for leaf in context.flow.tagged("add"):
        roles = {
            name: value.role
            for name, value in leaf.call.inputs.items()
            if isinstance(value, Tensor) and value.role != "gate"
        }
        if len(roles) == 2 and list(roles.values()).count("skip") == 1 and not leaf.has("adapter"):
            yield Diagnostic(
                RULE.code,
                "info",
                f"at the sum {leaf.place} the ratio of gradients is 1 by construction; read the ratio of contributions instead",
                leaf.place,
                received="ρ_grad = 1",
                expected="ρ_contrib",
                reference=RULE.article,
                path=leaf.path,
            )
            return


def _fused(call: str) -> examples.Document:
    nodes = {"fuse": {"call": call}, "norm": {"call": "GroupNorm", "params": {"num_groups": 8}}}
    return examples.skip_fusion(
        nodes, [("x", "fuse.a"), ("skip", "fuse.b"), ("fuse.out", "norm.x")], "norm.out"
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _fused("Add")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _fused("ConcatChannels")
