"""A045: more than a hundred transformer blocks."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.logits import is_bounded, qk_norm

RULE = Rule(
    code="A045",
    title="More than a hundred transformer blocks",
    severity="info",
    family="advice",
    effect=0.01,
    what="A transformer deeper than 100 blocks without QK-norm or another bound on its logits.",
    why="Silent collapse of tokens to their mean is reported at such depth; a smoke-train of 200 steps cannot show it.",
    example="depth = 128.",
    instead="QK-norm, and watch the share of the token mean in the smoke-train.",
    article="11.3, 12.1",
    reference="arXiv:2605.06169",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Count the blocks of each stack that attends."""
    for stack in context.stacks:
        attention = stack.flow.tagged("attention")
        bounded = any(is_bounded(stack.flow, leaf) for leaf in attention)
        if stack.is_transformer and stack.depth > 100 and not bounded:
            yield Diagnostic(
                RULE.code,
                "info",
                f"{stack.depth} blocks without QK-norm: watch the share of the token mean",
                stack.place,
                received=f"{stack.depth} blocks",
                expected="QK-norm, or at most 100 blocks",
                fix=_fix(attention),
                reference=RULE.article,
            )


def _fix(attention: list[Leaf]) -> Fix | None:
    """Normalise queries and keys where they can be reached."""
    operations = tuple(one for leaf in attention for one in qk_norm(leaf))
    return Fix("Normalise queries and keys", operations) if operations else None


def _block() -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "attn": {"call": "SelfAttention", "params": {"num_heads": 4}},
        "scale": {"call": "LayerScale"},
        "add": {"call": "Add"},
    }
    edges = [
        ("x", "norm.x"),
        ("norm.out", "attn.x"),
        ("attn.out", "scale.x"),
        ("x", "add.a"),
        ("scale.out", "add.b"),
    ]
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(), 101)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(), 12)
