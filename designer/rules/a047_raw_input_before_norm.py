"""A047: noise of any size enters a network that normalises it only behind its first layer."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.g020_raw_exploding_input import LIMIT, precondition
from designer.rules.noise_levels import first_layers, input_range, is_normalised, process_of

RULE = Rule(
    code="A047",
    title="Unscaled input before a norm",
    severity="warning",
    family="advice",
    effect=0.005,
    what="The noisy sample is over ten times louder at some noise levels than at others, and normalised only behind the first layer.",
    why="It trains, but activations before the norm are 40 to 60 times larger at high noise (measured: 173–216 against 3–4): fp16 loses its headroom.",
    example="The ve schedule, and the sample into a convolution before a GroupNorm.",
    instead="Scale the sample by c_in = 1/√(σ² + s²) before the first layer.",
    article="1.3",
    reference="Karras et al. 2022, arXiv:2206.00364",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Follow the sample into the first layers, and what they put out to a norm."""
    process = process_of(context.design)
    if context.broken or process is None or (times := input_range(process)) <= LIMIT:
        return
    scales = bool(context.flow.tagged("noise_level"))  # the network scales its output by itself
    for leaf in first_layers(context.design, context.flow):
        if is_normalised(context.flow, leaf):
            yield Diagnostic(
                RULE.code,
                "warning",
                f"the rms of what enters {leaf.call.node.id} varies ×{times:.0f} over noise levels; scale it by c_in",
                leaf.place,
                received=f"×{times:.0f}",
                expected=f"at most ×{LIMIT:.0f}",
                fix=None if scales else precondition(),
                reference=RULE.article,
                path=leaf.path,
            )


def _trained(**training: str) -> examples.Document:
    nodes = {"norm": {"call": "GroupNorm", "params": {"num_groups": 4}}}
    training = {"schedule": "ve", **training}
    return examples.convolutional(nodes, [("h.out", "norm.x")], "norm.out", training=training)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _trained(prediction="score")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _trained(prediction="F", preconditioning="edm")
