"""A042: early blocks that get next to no gradient."""

from collections.abc import Iterable, Iterator

from designer.diagnostics import Diagnostic
from designer.document import Definition
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import has_skips
from designer.shapes.frame import Call
from designer.spec import BlockSpec

RULE = Rule(
    code="A042",
    title="Early blocks starved of gradient",
    severity="warning",
    family="advice",
    what="In a stack of transformer blocks the predicted gradient at the last block is more than 10 times the smallest of the stack (error: more than 30 times), at initialisation.",
    why="Early blocks learn late or never (measured: 300–630 times behind 24 post-norm blocks by step 150, visible by step 30; at most 1 with pre-norm). Stacks with long skips, such as the levels of a U-Net, are left out: there gradients have short ways around, and a bottleneck with a thousandth is normal.",
    example="Blocks without a residual path, or a sum that is scaled down in every block.",
    instead="Pre-norm residual blocks, whose stream passes gradients whole; scale the branch, not the sum.",
    effect=1.0,
    article="1.1, 10.1",
    reference="Xiong et al. 2020, arXiv:2002.04745",
)
WARN, FAIL, DEPTH = 10.0, 30.0, 4


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare gradients along each stack whose stream is not passed on as it is."""
    places = set(_candidates(context))
    if not places or context.prediction is None:
        return
    for path, ratio in context.prediction.gradient_ratios.items():
        place = context.prediction.places[path]
        if place in places and ratio > WARN:
            yield Diagnostic(
                RULE.code,
                "error" if ratio > FAIL else "warning",
                f"the gradient at the last block is {ratio:.3g} times that at the block with the least, at "
                "initialisation; let the stream pass whole: x + F(norm(x))",
                place,
                received=f"×{ratio:.3g}",
                expected=f"at most ×{WARN:g}",
                reference=RULE.article,
                path=tuple(part for part in path.split(".") if not part.isdigit()),
            )


def _candidates(context: RuleContext) -> Iterator[str]:
    """Repeats that mix tokens, without long skips, and without those where h + F(norm(h)) passes every gradient whole."""
    whole = {one.place for one in context.stacks if not one.post_norms and not one.scaled_sums}
    for place, frame, call in context.calls:
        deep = call.node.repeat is not None and isinstance(call.count, int) and call.count >= DEPTH
        if not deep or place in whole or not isinstance(call.target, Definition):
            continue
        if _mixes(call) and not has_skips(frame.definition, call.node.id, call.target):
            yield place


def _mixes(call: Call) -> bool:
    body = call.iterations[-1].frame if call.iterations else None
    targets = [one.target for frame in body.walk() for one in frame.calls.values()] if body else []
    return any(isinstance(one, BlockSpec) and "attention" in one.tags for one in targets)


def _block(residual: bool) -> examples.Document:
    attention = {"call": "SelfAttention", "params": {"num_heads": 4}}
    if not residual:
        proj = {"call": "Linear", "params": {"out_features": "hidden_size"}}
        edges = [("x", "attn.x"), ("attn.out", "proj.x")]
        return examples.block({"attn": attention, "proj": proj}, edges, "proj.out")
    nodes = {"norm": {"call": "LayerNorm"}, "attn": attention, "add": {"call": "Add"}}
    edges = [("x", "norm.x"), ("norm.out", "attn.x"), ("x", "add.a"), ("attn.out", "add.b")]
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(residual=False), 12)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(residual=True), 12)
