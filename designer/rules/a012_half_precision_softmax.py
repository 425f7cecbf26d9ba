"""A012: softmax in 16 bits."""

from collections.abc import Iterable
from typing import Any

from designer.diagnostics import Diagnostic, Fix
from designer.operations import chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.g023_unscaled_attention import attention
from designer.rules.logits import logits

RULE = Rule(
    code="A012",
    title="Softmax in 16 bits",
    severity="warning",
    family="advice",
    effect=0.01,
    what="The design is to be trained in fp16 or bf16, and attention that is written out has neither bounded logits nor a cap.",
    why="Products of queries and keys overflow fp16 and lose their differences in bf16; fused attention takes its softmax in fp32.",
    example="MatMul, Scale and Softmax, with precision fp16.",
    instead="An attention block, or a soft cap on the logits: 50·tanh(x/50).",
    article="12.1",
    reference="Micikevicius et al. 2018, arXiv:1710.03740; Gemma Team 2024, arXiv:2408.00118 (soft cap)",
)
CAP = 50


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at each written-out softmax of a design that says 16 bits."""
    precision = context.design.training.get("precision")
    if precision not in ("fp16", "bf16"):
        return
    for one in logits(context.flow):
        if not all(factor.has("norm", "bounded_logits") for factor in one.factors):
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{one.softmax.place} takes the softmax of {one.product.place} in {precision}: cap the logits, or use fused attention",
                one.softmax.place,
                one.port,
                received=f"logits without bound in {precision}",
                expected="a cap, QK-norm, or an attention block",
                fix=_fix(one.softmax, one.port),
                reference=RULE.article,
                path=one.softmax.path,
            )


def _fix(softmax: Leaf, port: str) -> Fix | None:
    """Put 50·tanh(x/50) before the softmax."""
    definition, target = softmax.frame.definition, f"{softmax.call.node.id}.{port}"
    if target not in definition.sources:
        return None
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("Scale", "down", {"factor": f"1/{CAP}"}),
        ("Tanh", "cap", {}),
        ("Scale", "up", {"factor": CAP}),
    ]
    return Fix(f"Cap the logits at ±{CAP}", chain(definition, target, calls))


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return attention(scaled=True, precision="fp16")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return attention(scaled=True, precision="fp32")
