"""G015: a modulation that multiplies by a zero, and not by one plus it, erases its input."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Flow, Leaf
from designer.rules.tracing import origins

RULE = Rule(
    code="G015",
    title="Scale without one",
    severity="error",
    family="gating",
    what="Normalised features are multiplied by a scale that starts at 0, without 1 + scale, on the way into a branch.",
    why="The input of the branch is identically 0 at initialisation, and with it every gradient inside the branch.",
    example="Multiply of LayerNorm(x) and the scale of AdaLNModulation.",
    instead="Use Modulate: (1 + scale) ⊙ x + shift.",
    article="11.1",
    reference="Perez et al. 2018, arXiv:1709.07871; Peebles & Xie 2023, arXiv:2212.09748",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for products of a norm and a zero modulator whose result a learned layer reads."""
    flow = context.flow
    for product in flow.tagged("gating"):
        made = [one for port in product.spec.inputs for one in origins(flow, product, port.name)]
        norm = next((one for one in made if one.has("norm")), None)
        zero = next((one for one in made if one.starts_at_zero and one.has("modulator")), None)
        if (
            norm
            and zero
            and any(one.has("linear", "conv", "attention", "ffn") for one in flow.after(product))
        ):
            yield Diagnostic(
                RULE.code,
                "error",
                f"{zero.place} starts at 0 and multiplies {norm.place}: what follows sees 0; multiply by 1 + scale",
                product.place,
                received="scale ⊙ norm(x)",
                expected="(1 + scale) ⊙ norm(x) + shift",
                fix=_fix(flow, product, zero),
                reference=RULE.article,
                path=product.path,
            )


def _fix(flow: Flow, product: Leaf, zero: Leaf) -> Fix | None:
    """Add 1 to the scale before it multiplies."""
    definition = product.frame.definition
    port = next(port.name for port in product.spec.inputs if zero in origins(flow, product, port.name))
    target = f"{product.call.node.id}.{port}"
    if target not in definition.sources:
        return None
    return Fix(
        "Multiply by 1 + scale", chain(definition, target, [("AddNumber", "one_plus", {"value": 1.0})])
    )


def _block(modulate: dict[str, object], edges: list[tuple[str, str]]) -> dict[str, object]:
    return examples.block(
        {
            "norm": {"call": "LayerNorm"},
            "adaln": {"call": "AdaLNModulation", "params": {"hidden_size": "hidden_size"}},
            "modulate": modulate,
            "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
            "add": {"call": "Add"},
        },
        [
            ("x", "norm.x"),
            ("c", "adaln.c"),
            *edges,
            ("modulate.out", "fc.x"),
            ("x", "add.a"),
            ("fc.out", "add.b"),
        ],
        "add.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    edges = [("norm.out", "modulate.x"), ("adaln.scale", "modulate.gate")]
    return examples.transformer(_block({"call": "GateTokens"}, edges))


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    edges = [("norm.out", "modulate.x"), ("adaln.scale", "modulate.scale"), ("adaln.shift", "modulate.shift")]
    return examples.transformer(_block({"call": "Modulate"}, edges))
