"""A049: every output of a modulator is read."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples

RULE = Rule(
    code="A049",
    title="Unread modulation",
    severity="warning",
    family="advice",
    effect=0.005,
    what="A modulator makes a shift, a scale or a gate that nothing reads.",
    why="Its weights are counted, stored and decayed, and never get a gradient.",
    example="AdaLNZeroSingle in a residual update that LayerScale gates.",
    instead="A modulator of what is read: AdaLNModulation makes a shift and a scale alone.",
    article="11.1, 11.2",
    reference="Peebles & Xie 2023, arXiv:2212.09748",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the outputs of each modulator with what is read."""
    flow = context.flow
    modulators = [leaf for leaf in flow.tagged("modulator") if len(leaf.spec.outputs) > 1]
    if not modulators:
        return
    read = {end for ends in (*flow.sources.values(), *flow.outputs.values()) for end in ends}
    for leaf in modulators:
        unread = [port.name for port in leaf.spec.outputs if (leaf.key, port.name) not in read]
        if unread:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{leaf.place} makes {', '.join(unread)}, which nothing reads: these weights never learn",
                leaf.place,
                received=leaf.spec.name,
                expected="a modulator without them",
                reference=RULE.article,
                path=leaf.path,
            )


def _block(modulator: str) -> examples.Document:
    return examples.block(
        {
            "norm": {"call": "LayerNorm", "params": {"elementwise_affine": False}},
            "adaln": {"call": modulator, "params": {"hidden_size": "hidden_size"}},
            "modulate": {"call": "Modulate"},
            "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
            "gate": {"call": "LayerScale"},
            "add": {"call": "Add"},
        },
        [
            ("x", "norm.x"), ("c", "adaln.c"), ("norm.out", "modulate.x"), ("adaln.shift", "modulate.shift"),
            ("adaln.scale", "modulate.scale"), ("modulate.out", "fc.x"), ("fc.out", "gate.x"), ("x", "add.a"),
            ("gate.out", "add.b"),
        ],
        "add.out",
    )  # fmt: skip


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block("AdaLNZeroSingle"))


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block("AdaLNModulation"))
