"""G020: noise of any size enters a network that has neither a scaling nor a norm for it."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.noise_levels import first_layers, input_range, is_normalised, process_of

RULE = Rule(
    code="G020",
    title="Unscaled input of exploding noise",
    severity="error",
    family="gating",
    what="The noisy sample is over ten times louder at some noise levels than at others, and neither scaled by c_in nor normalised behind the first layer.",
    why="Every activation, and with it the gradient, follows the noise level: the loudest levels own the weights.",
    example="The ve schedule, and the sample into a convolution and an activation.",
    instead="EDM's preconditioning, whose c_in = 1/√(σ² + s²) makes the input of unit variance.",
    article="1.3",
    reference="Karras et al. 2022, arXiv:2206.00364",
)
LIMIT = 10.0


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Follow the sample into the first layers, and what they put out to a norm."""
    process = process_of(context.design)
    if context.broken or process is None or (times := input_range(process)) <= LIMIT:
        return
    for leaf in first_layers(context.design, context.flow):
        if not is_normalised(context.flow, leaf):
            yield Diagnostic(
                RULE.code,
                "error",
                f"the rms of what enters {leaf.call.node.id} varies ×{times:.0f} over noise levels; scale it by c_in",
                leaf.place,
                received=f"×{times:.0f}",
                expected=f"at most ×{LIMIT:.0f}",
                fix=precondition(),
                reference=RULE.article,
                path=leaf.path,
            )


def precondition() -> Fix:
    """Return the fix that scales the input by c_in, and with it output and skip."""
    settings = {"preconditioning": "edm", "prediction": "F"}
    operations = tuple({"op": "training", "name": name, "value": value} for name, value in settings.items())
    return Fix("Put EDM's preconditioning around the network", operations)


def _trained(**training: str) -> examples.Document:
    return examples.convolutional(
        {"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out", training={"schedule": "ve", **training}
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _trained(prediction="score")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _trained(prediction="F", preconditioning="edm")
