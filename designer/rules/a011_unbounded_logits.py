"""A011: unbounded attention logits."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.residuals import Stack
from designer.rules.tracing import origins

RULE = Rule(
    code="A011",
    title="Unbounded attention logits",
    severity="info",
    family="advice",
    effect=0.005,
    what="A joint-attention stack of at least 24 blocks has no QK-norm, cosine attention or cap (warning where the design is trained in 16 bits).",
    why="Logits grow with the learning rate: measured 57–89 against 3.0–3.3 with QK-norm at 3e-2, losses equal. It can cost quality: public reports disagree.",
    example="SD3 medium; SD3.5 added QK-norm.",
    instead="RMSNorm on queries and keys, per head and stream.",
    article="12.1, 13.3",
    reference="Esser et al. 2024, arXiv:2403.03206; Dehghani et al. 2023, arXiv:2302.05442",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at deep stacks whose attention reads two streams."""
    low = context.design.training.get("precision") in ("fp16", "bf16")
    for stack in context.stacks:
        leaves = stack.flow.leaves.values()
        joint = any(leaf.has("attention") and _joins(stack, leaf) for leaf in leaves)
        if (
            stack.depth < 23
            or not joint
            or any(_bounds(stack, leaf) for leaf in leaves if leaf.has("attention"))
        ):
            continue
        yield Diagnostic(
            RULE.code,
            "warning" if low else "info",
            f"{stack.depth} blocks of joint attention without a bound on the logits: they grow with the learning rate",
            stack.place,
            received="no QK-norm",
            expected="QK-norm, cosine attention or a cap",
            reference=RULE.article,
        )


def _joins(stack: Stack, leaf: Leaf) -> bool:
    """Whether the keys are two streams put one behind the other."""
    return any(one.has("concat") for one in origins(stack.flow, leaf, "k", ("position", "norm", "reshape")))


def _bounds(stack: Stack, leaf: Leaf) -> bool:
    """Whether the attention itself, or a norm on its queries, bounds the logits."""
    return leaf.has("bounded_logits") or any(
        one.has("norm", "bounded_logits") for one in _before(stack, leaf)
    )


def _before(stack: Stack, leaf: Leaf) -> list[Leaf]:
    through = ("position", "concat", "reshape")
    first = origins(stack.flow, leaf, "q", through)
    return [
        *first,
        *(one for each in first if each.has("concat") for one in origins(stack.flow, each, "a", through)),
    ]


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
    return examples.transformer(block, 24)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _attending({})


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _attending({"norm_q": {"call": "RMSNorm"}, "norm_k": {"call": "RMSNorm"}})
