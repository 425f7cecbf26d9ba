"""A029: batch normalisation."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples

RULE = Rule(
    code="A029",
    title="Batch normalisation",
    severity="error",
    family="advice",
    effect=0.01,
    what="A normalisation takes its statistics over the batch.",
    why="A batch mixes noise levels, so its statistics belong to none of them; small batches make them noise.",
    example="BatchNorm in a residual block.",
    instead="GroupNorm in U-Nets, LayerNorm or RMSNorm in transformers.",
    article="IV",
    reference="Wu & He 2018, arXiv:1803.08494",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for such blocks in a denoiser; other networks have no noise levels to mix."""
    if all(port.role != "prediction" for port in context.design.main_definition.outputs):
        return
    for leaf in context.flow.tagged("batch_statistics"):
        place = {"definition": leaf.frame.definition.name, "node": leaf.call.node.id}
        channels = leaf.iteration.params.get("num_features")
        groups = next(
            (one for one in (32, 16, 8, 4, 2, 1) if isinstance(channels, int) and channels % one == 0), None
        )
        operation = {"op": "call", **place, "call": "GroupNorm", "params": {"num_groups": groups}}
        yield Diagnostic(
            RULE.code,
            "error",
            f"{leaf.call.node.id} normalises over a batch that mixes noise levels; use GroupNorm",
            leaf.place,
            received=leaf.spec.name,
            expected="GroupNorm, LayerNorm or RMSNorm",
            fix=Fix(f"Use GroupNorm of {groups} groups", (operation,)) if groups else None,
            reference=RULE.article,
            path=leaf.path,
        )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional({"norm": {"call": "BatchNorm"}}, [("h.out", "norm.x")], "norm.out")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    norm = {"call": "GroupNorm", "params": {"num_groups": 8}}
    return examples.convolutional({"norm": norm}, [("h.out", "norm.x")], "norm.out")
