"""A001: post-norm transformer."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import Stack

RULE = Rule(
    code="A001",
    title="Post-norm transformer",
    severity="error",
    family="advice",
    effect=1.0,
    what="A stack of at least six transformer blocks normalises the carried stream itself, after each sum.",
    why="The gradient of early blocks vanishes and tokens collapse to their mean: at 12 and 24 blocks nothing was learned (normalised loss ≥ .99, early gradients 300–630 times smaller, 100 steps of warm-up no help); at 4 blocks no difference.",
    example="x = norm(x + attention(x)), twelve times.",
    instead="Pre-norm: x = x + attention(norm(x)); or DeepNorm's α and initialisation.",
    article="11.3",
    reference="Xiong et al. 2020, arXiv:2002.04745",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Severity follows the depth: error from 12 blocks, warning from 6."""
    for stack in context.stacks:
        if stack.is_transformer and stack.post_norms and stack.depth >= 6 and not _deep_norm(stack):
            norm = stack.post_norms[0]
            yield Diagnostic(
                RULE.code,
                "error" if stack.depth >= 12 else "warning",
                f"{stack.depth} blocks normalise the carried stream at {norm.place}: early blocks get no gradient; "
                "normalise at the start of each branch instead",
                stack.place,
                received=f"post-norm, {stack.depth} blocks",
                expected="pre-norm",
                reference=RULE.article,
            )


def _deep_norm(stack: Stack) -> bool:
    """DeepNet scales the stream up before the sum (α > 1): its post-norm is stable."""
    return any((leaf.number("factor") or 0) > 1 for leaf in stack.scaled_sums)


def _block(post: bool) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "attn": {"call": "SelfAttention", "params": {"num_heads": 4}},
        "add": {"call": "Add"},
    }
    before = [("x", "attn.x"), ("add.out", "norm.x")] if post else [("x", "norm.x"), ("norm.out", "attn.x")]
    edges = [*before, ("x", "add.a"), ("attn.out", "add.b")]
    return examples.block(nodes, edges, "norm.out" if post else "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(post=True), 12)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(post=False), 12)
