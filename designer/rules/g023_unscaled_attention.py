"""G023: attention logits are divided by √d."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import insertion
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.tracing import origins
from designer.shapes.values import Tensor

RULE = Rule(
    code="G023",
    title="Attention without 1/√d",
    severity="error",
    family="gating",
    what="A softmax over products of queries and keys without the factor 1/√d, and without normalised q and k.",
    why="Logits grow with √d: measured 700–2100 against 40–45 with QK-norm, entropy .04–.08; the softmax saturates.",
    example="MatMul of q and kᵀ straight into Softmax.",
    instead="Scale by 1/√d, or normalise q and k and learn a temperature.",
    article="12.1",
    reference="Vaswani et al. 2017, arXiv:1706.03762",
)
_LOOK_THROUGH = frozenset({"reshape", "stochastic"})


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Follow what enters each softmax back to a product of two computed tensors."""
    flow = context.flow
    for leaf in flow.leaves.values():
        if leaf.spec.name != "Softmax":
            continue
        port = leaf.spec.inputs[0].name
        for product in origins(flow, leaf, port, _LOOK_THROUGH):
            if product.spec.name != "MatMul":
                continue
            factors = [
                one
                for side in product.spec.inputs
                for one in origins(flow, product, side.name, _LOOK_THROUGH)
            ]
            if not any(one.has("norm", "scale", "bounded_logits") for one in factors):
                yield Diagnostic(
                    RULE.code,
                    "error",
                    f"the logits of {product.place} enter the softmax without 1/√d",
                    leaf.place,
                    port,
                    received="softmax(QKᵀ)",
                    expected="softmax(QKᵀ/√d)",
                    fix=_fix(leaf, product, port),
                    reference=RULE.article,
                    path=leaf.path,
                )


def _fix(leaf: Leaf, product: Leaf, port: str) -> Fix | None:
    queries = product.input(product.spec.inputs[0].name)
    size = queries.shape[-1] if isinstance(queries, Tensor) else None
    target = f"{leaf.call.node.id}.{port}"
    if not isinstance(size, int) or target not in leaf.frame.definition.sources:
        return None
    operations = insertion(
        leaf.frame.definition, target, "Scale", "scale", ("x", "out"), factor=f"1/sqrt({size})"
    )
    return Fix(f"Scale the logits by 1/√{size}", operations)


def _attention(scaled: bool) -> examples.Document:
    scale = {"scale": {"call": "Scale", "params": {"factor": "1/sqrt(16)"}}} if scaled else {}
    wires = (
        [("logits.out", "scale.x"), ("scale.out", "weights.x")] if scaled else [("logits.out", "weights.x")]
    )
    return examples.convolutional(
        {
            "tokens": {"call": "MapToTokens"}, "keys": {"call": "Transpose", "params": {"first": 1, "second": 2}},
            "logits": {"call": "MatMul"}, **scale, "weights": {"call": "Softmax"}, "mix": {"call": "MatMul"},
            "map": {"call": "TokensToMap"},
        },
        [
            ("h.out", "tokens.x"), ("tokens.tokens", "keys.x"), ("tokens.tokens", "logits.a"), ("keys.out", "logits.b"),
            *wires, ("weights.out", "mix.a"), ("tokens.tokens", "mix.b"), ("mix.out", "map.tokens"), ("h.out", "map.like"),
        ],
        "map.out",
    )  # fmt: skip


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _attention(False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _attention(True)
