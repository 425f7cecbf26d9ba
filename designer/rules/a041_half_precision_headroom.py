"""A041: headroom in fp16."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples

RULE = Rule(
    code="A041",
    title="Headroom in fp16",
    severity="warning",
    family="advice",
    effect=0.005,
    what="The design is to be trained in fp16 and a predicted value of six standard deviations exceeds 6,500, at any noise level.",
    why="fp16 ends at 65,504: less than a factor of ten is left for what training adds.",
    example="An un-normalised stack whose activations reach 1,100 rms, with precision fp16.",
    instead="Normalise, scale the branches, or use bf16.",
    article="12.1",
    reference="Micikevicius et al. 2018, arXiv:1710.03740",
)
LIMIT = 6.5e3


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at every predicted value of a design that says precision fp16."""
    if context.design.training.get("precision") != "fp16" or context.prediction is None:
        return
    found = [item for one in (context.prediction, *context.extremes) for item in one.rms.items()]
    path, rms = max(found, key=lambda item: item[1], default=("", 0.0))
    if 6 * rms > LIMIT:
        yield Diagnostic(
            RULE.code,
            "warning",
            f"{path} has a predicted rms of {rms:.3g} at initialisation: six times that leaves less than ×10 of fp16's range",
            context.design.main,
            received=f"{6 * rms:.3g}",
            expected=f"at most {LIMIT:g}",
            fix=Fix("Train in bf16", ({"op": "training", "name": "precision", "value": "bf16"},)),
            reference=RULE.article,
        )


def _scaled(factor: float) -> examples.Document:
    scale = {"call": "Scale", "params": {"factor": factor}}
    return examples.convolutional(
        {"norm": {"call": "GroupNorm", "params": {"num_groups": 8}}, "scale": scale},
        [("h.out", "norm.x"), ("norm.out", "scale.x")],
        "scale.out",
        training={"precision": "fp16"},
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _scaled(5000.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _scaled(1.0)
