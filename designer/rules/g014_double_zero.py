"""G014: a branch with a zero gate and a zero last layer never starts to learn."""

from collections.abc import Iterable
from typing import Any

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.tracing import zero_maker

RULE = Rule(
    code="G014",
    title="Double zero",
    severity="error",
    family="gating",
    what="A product of a gate that starts at 0 and a branch whose last layer starts at 0.",
    why="The gradient of each factor is the other factor: both are exactly 0, in every step (measured: 3 of 3 seeds).",
    example="AdaLN-Zero gating an MLP whose last Linear has init=zero.",
    instead="Keep exactly one of the two zeros.",
    article="10.3",
    reference="Bachlechner et al. 2020, arXiv:2003.04887; Peebles & Xie 2023, arXiv:2212.09748",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """For each product of two values, follow both factors back to what makes them zero at the start."""
    for product in context.flow.tagged("gating"):
        zeros = [
            zero for port in product.spec.inputs if (zero := zero_maker(context.flow, product, port.name))
        ]
        if product.spec.gate and product.number(product.spec.gate.initial) == 0:
            zeros.append(product)  # a gate that is a parameter of the product itself, as in ReZero
        if len(zeros) < 2:
            continue
        first, second = (zero.place for zero in zeros[:2])
        yield Diagnostic(
            RULE.code,
            "error",
            f"{first} and {second} both start at 0, so this branch can never start to learn; keep one of the two",
            product.place,
            received=f"{first}, {second}",
            expected="one zero initialisation",
            fix=_fix(zeros),
            reference=RULE.article,
            path=product.path,
        )


def _fix(zeros: list[Leaf]) -> Fix | None:
    """Let the last layer start as usual: the gate alone then keeps the block the identity."""
    layer = next((zero for zero in zeros if zero.iteration.params.get("init") == "zero"), None)
    if layer is None:
        return None
    definition, _, node = layer.place.partition("/")
    operation = {"op": "set", "definition": definition, "node": node, "param": "init", "value": None}
    return Fix(f"Let {layer.place} start as usual; the gate keeps the block the identity", (operation,))


def _block(init: str) -> dict[str, Any]:
    return examples.block(
        {
            "norm": {"call": "LayerNorm"},
            "fc": {"call": "Linear", "params": {"out_features": "hidden_size", "init": init}},
            "adaln": {"call": "AdaLNZero", "params": {"hidden_size": "hidden_size"}},
            "gate": {"call": "GateTokens"},
            "add": {"call": "Add"},
        },
        [
            ("x", "norm.x"), ("norm.out", "fc.x"), ("c", "adaln.c"), ("fc.out", "gate.x"),
            ("adaln.gate_mlp", "gate.gate"), ("x", "add.a"), ("gate.out", "add.b"),
        ],
        "add.out",
    )  # fmt: skip


def bad() -> dict[str, Any]:
    """Return a design that breaks the rule."""
    return examples.transformer(_block("zero"))


def good() -> dict[str, Any]:
    """Return a design that keeps it."""
    return examples.transformer(_block("default"))
