"""A039: a feed-forward network without a gate."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Flow, Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A039",
    title="Feed-forward network without a gate",
    severity="info",
    family="advice",
    effect=0.0,
    what="The blocks of a transformer have two linear layers with a pointwise nonlinearity between them.",
    why="Gated networks (SwiGLU, GEGLU) are often reported smoother at the same count. Measured: no effect on stability.",
    example="Linear, GELU, Linear in each of 28 blocks.",
    instead="SwiGLU with hidden features 8/3 as many as the width, for the same parameters.",
    article="12.2",
    reference="Shazeer 2020, arXiv:2002.05202",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for an activation between two linear layers on a branch of a transformer stack."""
    for stack in context.stacks:
        found = [one for leaf in stack.flow.tagged("activation") for one in _between(stack.flow, leaf)]
        if stack.is_transformer and found:
            first, act, last = found[0]
            yield Diagnostic(
                RULE.code,
                "info",
                f"{act.place} stands between two linear layers in {stack.depth} blocks; a gated network is often smoother",
                act.place,
                received=act.spec.name,
                expected="SwiGLU at 8/3 of the width",
                fix=_fix(context, first, act, last),
                reference=RULE.article,
            )


def _between(flow: Flow, act: Leaf) -> Iterable[tuple[Leaf, Leaf, Leaf]]:
    """Yield (first, activation, last) where both neighbours are linear layers on tokens that nothing else reads."""
    before, after = [leaf for _, leaf in flow.inputs(act)], flow.after(act)
    plain = all(leaf.has("linear") and not leaf.has("conv") for leaf in (*before, *after))
    if len(before) == len(after) == 1 and plain and len(flow.after(before[0])) == 1:
        wide, narrow = (leaf.iteration.params.get("out_features") for leaf in (before[0], after[0]))
        if isinstance(wide, int) and isinstance(narrow, int) and wide > narrow:
            yield before[0], act, after[0]


def _fix(context: RuleContext, first: Leaf, act: Leaf, last: Leaf) -> Fix | None:
    """Let the first layer be a SwiGLU of 2/3 of the hidden features, whose output the last layer reads."""
    alike = [leaf.input("x") for leaf in context.flow.leaves.values() if leaf.place == first.place]
    on_tokens = all(isinstance(value, Tensor) and len(value.shape) == 3 for value in alike)
    if len({leaf.frame.definition.name for leaf in (first, act, last)}) > 1 or not on_tokens:
        return None
    place, name = {"definition": first.frame.definition.name}, first.call.node.id
    width = first.call.node.params.get("out_features")
    end = f"{last.call.node.id}.{last.spec.inputs[0].name}"
    return Fix(
        "Gate it: SwiGLU of 2/3 of the hidden features",
        (
            {
                "op": "call",
                **place,
                "node": name,
                "call": "SwiGLU",
                "params": {"out_features": f"2*({width})//3"},
            },
            {"op": "remove", **place, "node": act.call.node.id},
            {"op": "connect", **place, "source": f"{name}.out", "target": end},
        ),
    )


def _block(gated: bool) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "attn": {"call": "SelfAttention", "params": {"num_heads": 4}},
        "add": {"call": "Add"},
        "norm2": {"call": "LayerNorm"},
        "fc1": {"call": "SwiGLU" if gated else "Linear", "params": {"out_features": "4*hidden_size"}},
        **({} if gated else {"act": {"call": "GELU"}}),
        "fc2": {"call": "Linear", "params": {"out_features": "hidden_size"}},
        "add2": {"call": "Add"},
    }
    middle = [("fc1.out", "fc2.x")] if gated else [("fc1.out", "act.x"), ("act.out", "fc2.x")]
    edges = [
        ("x", "norm.x"), ("norm.out", "attn.x"), ("x", "add.a"), ("attn.out", "add.b"), ("add.out", "norm2.x"),
        ("norm2.out", "fc1.x"), *middle, ("add.out", "add2.a"), ("fc2.out", "add2.b"),
    ]  # fmt: skip
    return examples.block(nodes, edges, "add2.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(False), 4)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(True), 4)
