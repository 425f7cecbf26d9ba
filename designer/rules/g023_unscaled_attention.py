"""G023: attention logits are divided by √d."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.logits import Logits, logits
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


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at the logits of each softmax over a product of two computed tensors."""
    for one in logits(context.flow):
        if not one.scaled and not any(
            factor.has("norm", "scale", "bounded_logits") for factor in one.factors
        ):
            yield Diagnostic(
                RULE.code,
                "error",
                f"the logits of {one.product.place} enter the softmax without 1/√d",
                one.softmax.place,
                one.port,
                received="softmax(QKᵀ)",
                expected="softmax(QKᵀ/√d)",
                fix=_fix(one),
                reference=RULE.article,
                path=one.softmax.path,
            )


def _fix(one: Logits) -> Fix | None:
    queries = one.product.input(one.product.spec.inputs[0].name)
    size = queries.shape[-1] if isinstance(queries, Tensor) else None
    definition, target = one.softmax.frame.definition, f"{one.softmax.call.node.id}.{one.port}"
    if not isinstance(size, int) or target not in definition.sources:
        return None
    operations = chain(definition, target, [("Scale", "scale", {"factor": f"1/sqrt({size})"})])
    return Fix(f"Scale the logits by 1/√{size}", operations)


def attention(scaled: bool, precision: str = "fp32") -> examples.Document:
    """Return a denoiser with attention that is written out as products and a softmax."""
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
        training={"precision": precision},
    )  # fmt: skip


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return attention(False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return attention(True)
