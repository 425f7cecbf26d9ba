"""A044: the gain that the ideal network needs at the least noise."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.noise_levels import process_of

RULE = Rule(
    code="A044",
    title="Gain at the least noise",
    severity="info",
    family="advice",
    effect=0.0,
    what="The network predicts the noise, and the least noise level is so low that the ideal network amplifies its input over 50 "
    "times there: 1/σ_min.",
    why="The noise must be read off an input of which it is a fiftieth: the Lipschitz constant grows as 1/σ.",
    example="ε-prediction under DDPM's linear schedule, whose first σ is 0.01.",
    instead="Predict v, or F inside EDM's preconditioning, whose gains stay near 1.",
    article="1.1, 1.3",
    reference="Karras et al. 2022, arXiv:2206.00364; Salimans & Ho 2022, arXiv:2202.00512",
)
LIMIT = 50.0


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Read the least noise level that is drawn."""
    process = process_of(context.design)
    if process is None or process.prediction != "epsilon" or process.preconditioning != "none":
        return
    _, sigma = process.grid()
    gain = float((1 / sigma).max()) if float(sigma.min()) > 0 else float("inf")
    if gain > LIMIT:
        yield Diagnostic(
            RULE.code,
            "info",
            f"at the least noise the ideal network amplifies its input {gain:.3g} times; predicting v keeps the gain near 1",
            context.design.main,
            received=f"1/σ_min = {gain:.3g}",
            expected=f"at most {LIMIT:g}",
            fix=Fix("Predict v", ({"op": "training", "name": "prediction", "value": "v"},)),
            reference=RULE.article,
        )


def _trained(prediction: str) -> examples.Document:
    training = {"prediction": prediction, "schedule": "linear"}
    return examples.convolutional(
        {"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out", training=training
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _trained("epsilon")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _trained("v")
