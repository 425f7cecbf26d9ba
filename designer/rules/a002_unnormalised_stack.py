"""A002: residual stack without norm."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import scale_branches

RULE = Rule(
    code="A002",
    title="Residual stack without norm",
    severity="error",
    family="advice",
    effect=1.0,
    what="More than eight residual branches without normalisation, and without a scale or zero start that keeps them small.",
    why="Activations grow geometrically with depth: measured NaN at step 0 for 48 blocks, at steps 23–87 for 24.",
    example="x = x + MLP(x), 48 times.",
    instead="Normalise at the start of each branch, or scale branches by 1/√(2L).",
    article="10.1, 11",
    reference="Zhang et al. 2019, arXiv:1901.09321 (Fixup)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for stacks whose branches neither normalise nor start small nor are scaled."""
    for stack in context.stacks:
        loud = [one for one in stack.updates if not (one.has("norm", "scale") or one.starts_small)]
        if loud and stack.depth * len(loud) > 8 and not stack.post_norms:
            yield Diagnostic(
                RULE.code,
                "error",
                f"{stack.depth} blocks add branches without normalisation at {loud[0].sum.place}: activations grow "
                "geometrically; normalise at the start of the branch",
                stack.place,
                received="no norm, β = 1",
                expected="pre-norm, or β = 1/√(2L)",
                fix=scale_branches(stack),
                reference=RULE.article,
            )


def _block(norm: bool) -> examples.Document:
    nodes = {
        **({"norm": {"call": "LayerNorm"}} if norm else {}),
        "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
        "act": {"call": "GELU"},
        "add": {"call": "Add"},
    }
    start = [("x", "norm.x"), ("norm.out", "fc.x")] if norm else [("x", "fc.x")]
    return examples.block(
        nodes, [*start, ("fc.out", "act.x"), ("x", "add.a"), ("act.out", "add.b")], "add.out"
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(norm=False), 12)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(norm=True), 12)
