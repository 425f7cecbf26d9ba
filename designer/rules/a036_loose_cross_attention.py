"""A036: cross-attention with neither gate nor QK-norm."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.logits import is_bounded, is_cross, qk_norm
from designer.rules.residuals import Update

RULE = Rule(
    code="A036",
    title="Cross-attention with neither gate nor QK-norm",
    severity="warning",
    family="advice",
    effect=0.01,
    what="A stack of at least twelve blocks adds cross-attention that no gate scales, that does not start at 0 and whose queries "
    "and keys are not normalised.",
    why="The context enters at full strength before its projections are learned, and attention collapses on a few tokens early.",
    example="28 blocks of x = x + cross_attention(norm(x), context), ordinary initialisation.",
    instead="A gate or an output projection that starts at 0, and QK-norm.",
    article="13.2",
    reference="Alayrac et al. 2022, arXiv:2204.14198 (Flamingo); Chen et al. 2023, arXiv:2310.00426 (PixArt-α)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at the residual branches of deep stacks without long skips that attend to another sequence."""
    for stack in context.stacks:
        for update in stack.updates if stack.depth >= 12 and not stack.has_skips else ():
            if update.starts_small or update.has("gating"):
                continue
            loose = [leaf for leaf in update.branch if leaf.has("attention") and is_cross(leaf)]
            if loose and not is_bounded(stack.flow, loose[0]):
                yield Diagnostic(
                    RULE.code,
                    "warning",
                    f"{loose[0].place} enters the stream of {stack.depth} blocks with neither a gate nor QK-norm; start it at 0 "
                    "and normalise queries and keys",
                    loose[0].place,
                    received="no gate, no QK-norm",
                    expected="a gate that starts at 0, and QK-norm",
                    fix=_fix(update, loose[0]),
                    reference=RULE.article,
                )


def _fix(update: Update, attention: Leaf) -> Fix | None:
    """Put a tanh gate that starts at 0 before the sum, and norms before the attention."""
    definition, target = update.sum.frame.definition, f"{update.sum.call.node.id}.{update.port}"
    if target not in definition.sources:
        return None
    return Fix(
        "Gate it by tanh from 0; QK-norm",
        (*chain(definition, target, [("TanhGate", "gate", {})]), *qk_norm(attention)),
    )


def _block(gated: bool) -> examples.Document:
    heads = {"num_heads": 4}
    nodes = {
        "norm": {"call": "LayerNorm"},
        "qkv": {"call": "ProjectQKV", "params": heads},
        "context": {"call": "MeanToken"},
        "kv": {"call": "ProjectQKV", "params": heads},
        "attn": {"call": "DotProductAttention"},
        **({"gate": {"call": "TanhGate"}} if gated else {}),
        "add": {"call": "Add"},
    }
    edges = [
        ("x", "norm.x"), ("norm.out", "qkv.x"), ("norm.out", "context.x"), ("context.out", "kv.x"), ("qkv.q", "attn.q"),
        ("kv.k", "attn.k"), ("kv.v", "attn.v"), ("x", "add.a"),
        *([("attn.out", "gate.x"), ("gate.out", "add.b")] if gated else [("attn.out", "add.b")]),
    ]  # fmt: skip
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(False))


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(True))
