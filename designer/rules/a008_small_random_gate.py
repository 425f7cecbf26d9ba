"""A008: the gate of a modulation starts small rather than at zero."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.rules.tracing import origins

RULE = Rule(
    code="A008",
    title="Modulation gate that starts at random",
    severity="info",
    family="advice",
    effect=0.0,
    what="The gate of an adaptive norm's branch is learned and does not start at 0.",
    why="The block is not the identity at the start. Measured: small random gates equal adaLN-Zero (.749/.760/.772).",
    example="AdaLNSingle (PixArt-α), whose table starts as a small Gaussian.",
    instead="A zero start of the layer that makes the gate.",
    article="11.2",
    reference="Peebles & Xie 2023, arXiv:2212.09748; Chen et al. 2023, arXiv:2310.00426",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at the gates of residual branches that a modulator makes."""
    for stack in context.stacks:
        for update in stack.updates:
            for product in (
                leaf for leaf in update.branch if leaf.has("gating") and len(leaf.spec.inputs) > 1
            ):
                made = origins(stack.flow, product, product.spec.inputs[1].name)
                loud = next((leaf for leaf in made if _starts_at_random(leaf)), None)
                if loud:
                    yield Diagnostic(
                        RULE.code,
                        "info",
                        f"the gate that {loud.place} makes does not start at 0: the block is not the identity at the start",
                        product.place,
                        product.spec.inputs[1].name,
                        received=loud.spec.name,
                        expected="a gate that starts at 0",
                        reference=RULE.article,
                    )


def _starts_at_random(leaf: Leaf) -> bool:
    return (
        leaf.has("modulator")
        and leaf.spec.gate is not None
        and leaf.spec.gate.learned
        and not leaf.starts_at_zero
    )


def _block(modulator: str, source: str) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "six": {"call": "Linear", "params": {"out_features": "6*hidden_size"}},
        "adaln": {"call": modulator, "params": {"hidden_size": "hidden_size"}},
        "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
        "gate": {"call": "GateTokens"},
        "add": {"call": "Add"},
    }
    if source == "c":
        nodes.pop("six")
    edges = [
        ("x", "norm.x"), ("norm.out", "fc.x"), *([] if source == "c" else [("c", "six.x")]),
        (source, "adaln.c" if source == "c" else "adaln.modulation"), ("fc.out", "gate.x"), ("adaln.gate_mlp", "gate.gate"),
        ("x", "add.a"), ("gate.out", "add.b"),
    ]  # fmt: skip
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block("AdaLNSingle", "six.out"))


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block("AdaLNZero", "c"))
