"""A028: modulation without norm."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.tracing import origins
from designer.shapes.values import Tensor

RULE = Rule(
    code="A028",
    title="Modulation without norm",
    severity="warning",
    family="advice",
    effect=0.01,
    what="Features are scaled and shifted by a condition without being normalised first.",
    why="The perturbation has no unit: its effect grows with whatever amplitude arrives.",
    example="Modulate straight on the residual stream.",
    instead="Normalise first: AdaLN, AdaGN.",
    article="11.1",
    reference="Perez et al. 2018, arXiv:1709.07871",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at what each modulation acts on."""
    for leaf in context.flow.tagged("scale_shift"):
        stream = leaf.spec.inputs[0].name
        made = origins(context.flow, leaf, stream)
        if made and not any(one.has("norm") for one in made):
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{leaf.call.node.id} modulates what {made[0].place} puts out, which is not normalised; put a norm before it",
                leaf.place,
                stream,
                received=made[0].spec.name,
                expected="a norm",
                fix=_fix(leaf, stream),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(leaf: Leaf, stream: str) -> Fix | None:
    """Put a norm without parameters before the modulation: scale and shift are the modulation's."""
    definition, target = leaf.frame.definition, f"{leaf.call.node.id}.{stream}"
    value = leaf.input(stream)
    if not isinstance(value, Tensor) or target not in definition.sources:
        return None
    on_map = len(value.shape) == 4
    norm = ("PixelNorm", "norm", {}) if on_map else ("LayerNorm", "norm", {"elementwise_affine": False})
    return Fix("Normalise first", chain(definition, target, [norm]))


def _modulated(source: str, norm: dict[str, object]) -> examples.Document:
    block = examples.block(
        {
            **norm,
            "adaln": {"call": "AdaLNZero", "params": {"hidden_size": "hidden_size"}},
            "modulate": {"call": "Modulate"},
            "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
            "gate": {"call": "GateTokens"},
            "add": {"call": "Add"},
        },
        [
            *([("x", "norm.x")] if norm else []), ("c", "adaln.c"), (source, "modulate.x"),
            ("adaln.shift_mlp", "modulate.shift"), ("adaln.scale_mlp", "modulate.scale"), ("modulate.out", "fc.x"),
            ("fc.out", "gate.x"), ("adaln.gate_mlp", "gate.gate"), ("x", "add.a"), ("gate.out", "add.b"),
        ],
        "add.out",
    )  # fmt: skip
    return examples.transformer(block, 4)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _modulated("x", {})


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _modulated("norm.out", {"norm": {"call": "LayerNorm"}})
