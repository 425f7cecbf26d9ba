"""G001: a denoiser takes one noisy sample and makes one prediction."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.shapes.values import SAMPLES

RULE = Rule(
    code="G001",
    title="One sample, one prediction",
    severity="error",
    family="gating",
    what="A network that predicts has more than one prediction, or not exactly one noisy input.",
    why="Noise is added to one tensor and one tensor is compared with the target; a second one has no loss.",
    example="Two outputs of role prediction.",
    instead="Give every other input the role of what it is (control, context, vector), and other outputs theirs.",
    article="2.1",
    reference="Ho et al. 2020, arXiv:2006.11239",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Count the ports of the main definition by role; a design without prediction is a part, not a denoiser."""
    main = context.design.main_definition
    samples = [port.name for port in main.inputs if port.role in SAMPLES]
    predictions = [port.name for port in main.outputs if port.role == "prediction"]
    for kind, names in (("noisy input", samples), ("prediction", predictions)):
        if predictions and len(names) != 1:
            yield Diagnostic(
                RULE.code,
                "error",
                f"{main.name} has {len(names)} {kind}s ({', '.join(names) or 'none'}); a denoiser has exactly one",
                main.name,
                received=", ".join(names),
                expected=f"one {kind}",
                reference=RULE.article,
            )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    document = good()
    net = document["definitions"]["Net"]
    net["outputs"].append({**net["outputs"][0], "name": "second"})
    return document


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
