"""A011: unbounded attention logits."""

from collections.abc import Iterable
from typing import Any

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.logits import is_bounded, joins, qk_norm

RULE = Rule(
    code="A011",
    title="Unbounded attention logits",
    severity="warning",
    family="advice",
    effect=0.005,
    what="A design that is to be trained in 16 bits, or at a learning rate of 1e-3 and above, has a transformer stack without "
    "QK-norm, cosine attention or a cap (info below 24 blocks). Joint attention: A037.",
    why="Logits grow with the learning rate: measured 57–89 against 3.0–3.3 with QK-norm at 3e-2, losses equal, and NaN in 2 of 3 "
    "runs against none at 0.1. QK-norm can cost quality: public reports disagree.",
    example="learning_rate 3e-3 for 28 blocks of plain attention.",
    instead="RMSNorm on queries and keys, or a lower learning rate.",
    article="12.1, 13.3",
    reference="Dehghani et al. 2023, arXiv:2302.05442; Esser et al. 2024, arXiv:2403.03206",
)
RATE = 1e-3


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at stacks whose attention nothing bounds, where the training that the design states makes logits grow."""
    training = context.design.training
    precision, rate = training.get("precision", "fp32"), training.get("learning_rate", 0)
    risk = precision if precision in ("fp16", "bf16") else f"learning rate {rate:g}" if rate >= RATE else ""
    for stack in context.stacks if risk else ():
        leaves = stack.flow.tagged("attention")
        loose = [leaf for leaf in leaves if not joins(stack.flow, leaf) and not is_bounded(stack.flow, leaf)]
        if loose:
            operations = qk_norm(loose[0])
            yield Diagnostic(
                RULE.code,
                "warning" if stack.depth >= 24 else "info",
                f"nothing bounds the logits of {loose[0].place} in {stack.depth} blocks, and {risk} lets them grow; normalise "
                "queries and keys",
                loose[0].place,
                received=f"no QK-norm, {risk}",
                expected="QK-norm, cosine attention or a cap",
                fix=Fix("Normalise queries and keys", operations) if operations else None,
                reference=RULE.article,
            )


def _attending(**training: Any) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "qkv": {"call": "ProjectQKV", "params": {"num_heads": 4}},
        "attn": {"call": "DotProductAttention"},
        "scale": {"call": "LayerScale"},
        "add": {"call": "Add"},
    }
    edges = [
        ("x", "norm.x"), ("norm.out", "qkv.x"), *((f"qkv.{one}", f"attn.{one}") for one in "qkv"), ("attn.out", "scale.x"),
        ("x", "add.a"), ("scale.out", "add.b"),
    ]  # fmt: skip
    return examples.transformer(examples.block(nodes, edges, "add.out"), 24, training=training)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _attending(learning_rate=3e-3)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _attending(learning_rate=1e-4)
