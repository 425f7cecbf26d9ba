"""G024: DeepNorm's amplified stream is normalised at once."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Flow, Leaf

RULE = Rule(
    code="G024",
    title="DeepNorm without its norm",
    severity="error",
    family="gating",
    what="The sum αx + F(x) of DeepNorm goes on without a normalisation.",
    why="α is above 1: without the LayerNorm behind it, N blocks grow the stream by α^N.",
    example="DeepNormAdd in a pre-LN block, whose norm stands before the branch.",
    instead="Put a LayerNorm behind the sum (post-LN), or add plainly and scale the branch.",
    article="10.2, 11.3",
    reference="Wang et al. 2022, arXiv:2203.00555",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Follow each amplified sum to what reads it."""
    for leaf in context.flow.tagged("needs_norm"):
        bare = [one.place for one in _readers(context.flow, leaf) if not one.has("norm")]
        if _is_carried(leaf):
            bare.append("the next block")
        if bare:
            yield Diagnostic(
                RULE.code,
                "error",
                f"{leaf.place} amplifies the stream, and {bare[0]} reads it without a norm; "
                "fill norm_out with a LayerNorm, or residual with Add",
                leaf.place,
                received=bare[0],
                expected="a norm",
                fix=_fix(leaf),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(leaf: Leaf) -> Fix | None:
    """Add plainly, where the node itself says what it calls."""
    if leaf.call.node.call.startswith("="):
        return None
    operation = {
        "op": "call",
        "definition": leaf.frame.definition.name,
        "node": leaf.call.node.id,
        "call": "Add",
    }
    return Fix("Add plainly", (operation,))


def _readers(flow: Flow, leaf: Leaf) -> Iterable[Leaf]:
    """The block calls that read a value, through those that only hand it on."""
    for reader in flow.after(leaf):
        if reader.has("reshape"):
            yield from _readers(flow, reader)
        else:
            yield reader


def _is_carried(leaf: Leaf) -> bool:
    """Whether the value itself goes from one iteration of a repeat to the next."""
    definition = leaf.frame.definition
    repeated = len(leaf.key) > 1 and leaf.key[-2].endswith("]")
    return repeated and any(port.source.startswith(f"{leaf.call.node.id}.") for port in definition.outputs)


def _block(output: str) -> examples.Document:
    return examples.block(
        {
            "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
            "add": {"call": "DeepNormAdd", "params": {"alpha": 2.2}},
            "norm": {"call": "LayerNorm"},
        },
        [("x", "fc.x"), ("x", "add.a"), ("fc.out", "add.b"), ("add.out", "norm.x")],
        output,
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block("add.out"), 4)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block("norm.out"), 4)
