"""G022: noise prediction and a schedule that ends in pure noise exclude each other."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples

RULE = Rule(
    code="G022",
    title="ε-prediction at zero SNR",
    severity="error",
    family="gating",
    what="The design predicts the noise and its schedule is rescaled to a terminal SNR of 0.",
    why="At the last step the input is the noise: predicting it says nothing of the image, and x₀ = (x − σε)/α divides by 0.",
    example="prediction epsilon with zero_terminal_snr true.",
    instead="Predict v, x₀ or the flow velocity.",
    article="1.3, 2.3.2",
    reference="Lin et al. 2024, arXiv:2305.08891",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare prediction and schedule."""
    training = context.design.training
    if training.get("zero_terminal_snr") and training.get("prediction") == "epsilon":
        yield Diagnostic(
            RULE.code,
            "error",
            "ε-prediction is undefined where the schedule has no signal left (zero_terminal_snr); predict v",
            context.design.main,
            received="prediction epsilon",
            expected="prediction v, x0 or flow",
            fix=Fix("Predict v", ({"op": "training", "name": "prediction", "value": "v"},)),
            reference=RULE.article,
        )


def _trained(prediction: str) -> examples.Document:
    training = {"prediction": prediction, "zero_terminal_snr": True}
    return examples.convolutional(
        {"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out", training=training
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _trained("epsilon")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _trained("v")
