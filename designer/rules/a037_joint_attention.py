"""A037: joint attention without QK-norm."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.logits import is_bounded, joins, qk_norm

RULE = Rule(
    code="A037",
    title="Joint attention without QK-norm",
    severity="warning",
    family="advice",
    effect=0.01,
    what="Attention reads two streams as one sequence, and nothing bounds its logits (error where the design is trained in 16 bits).",
    why="Queries of one stream meet keys of the other, whose scale is learned apart: the logits of the pair grow unchecked.",
    example="SD3 medium; SD3.5 added QK-norm.",
    instead="RMSNorm on queries and keys, per head and stream.",
    article="12.1, 13.3",
    reference="Esser et al. 2024, arXiv:2403.03206; Dehghani et al. 2023, arXiv:2302.05442",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at attention whose keys are two streams put one behind the other, once in each stack."""
    low = context.design.training.get("precision") in ("fp16", "bf16")
    for stack in context.stacks:
        leaves = [leaf for leaf in stack.flow.tagged("attention") if joins(stack.flow, leaf)]
        loose = [leaf for leaf in leaves if not is_bounded(stack.flow, leaf)]
        if loose:
            operations = qk_norm(loose[0])
            yield Diagnostic(
                RULE.code,
                "error" if low else "warning",
                f"{loose[0].place} attends to two streams at once without a bound on the logits; normalise queries and keys",
                loose[0].place,
                "q",
                received="no QK-norm",
                expected="QK-norm, cosine attention or a cap",
                fix=Fix("Normalise queries and keys", operations) if operations else None,
                reference=RULE.article,
            )


def _attending(norms: dict[str, dict[str, str]]) -> examples.Document:
    q, k = ("norm_q.out", "norm_k.out") if norms else ("joined_q.out", "joined_k.out")
    block = examples.block(
        {
            "norm": {"call": "LayerNorm"},
            "first": {"call": "ProjectQKV", "params": {"num_heads": 4}},
            "second": {"call": "ProjectQKV", "params": {"num_heads": 4}},
            **{f"joined_{one}": {"call": "ConcatTokens"} for one in "qkv"},
            **norms,
            "attn": {"call": "DotProductAttention"},
            "split": {"call": "SplitTokens"},
            "scale": {"call": "LayerScale"},
            "add": {"call": "Add"},
        },
        [
            ("x", "norm.x"), ("norm.out", "first.x"), ("norm.out", "second.x"),
            *((f"{side}.{one}", f"joined_{one}.{port}") for one in "qkv" for side, port in (("first", "a"), ("second", "b"))),
            *([("joined_q.out", "norm_q.x"), ("joined_k.out", "norm_k.x")] if norms else []),
            (q, "attn.q"), (k, "attn.k"), ("joined_v.out", "attn.v"), ("attn.out", "split.x"), ("x", "split.like"),
            ("split.first", "scale.x"), ("x", "add.a"), ("scale.out", "add.b"),
        ],
        "add.out",
    )  # fmt: skip
    return examples.transformer(block, 4)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _attending({})


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _attending({"norm_q": {"call": "RMSNorm"}, "norm_k": {"call": "RMSNorm"}})
