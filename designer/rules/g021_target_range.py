"""G021: what is to be predicted grows with the noise level and nothing evens it out."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.noise_levels import process_of

if TYPE_CHECKING:
    from designer.wrapping.noise import Process

RULE = Rule(
    code="G021",
    title="Target of unequal size",
    severity="error",
    family="gating",
    what="The rms of the target varies by more than a factor of ten over noise levels, under a plain squared error.",
    why="One noise band owns the gradient (measured: 150–250 times across bands; the noisiest 16–63 times worse than predicting 0).",
    example="The raw score -ε/σ under the ve schedule with loss mse.",
    instead="Predict ε, v or the F of a preconditioning, or weight the error by 1/Var(target): loss sigma2 for a score.",
    article="1.3",
    reference="Song & Ermon 2019, arXiv:1907.05600; Karras et al. 2022, arXiv:2206.00364",
)
LIMIT = 10.0


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the target's rms at the noise levels that are drawn."""
    process = process_of(context.design)
    if process is None or process.loss != "mse" or process.uncertainty:
        return
    times = _range(process)
    if times > LIMIT:
        yield Diagnostic(
            RULE.code,
            "error",
            f"the target's size varies ×{times:.0f} over noise levels: one noise band owns the gradient",
            context.design.main,
            received=f"×{times:.0f}",
            expected=f"at most ×{LIMIT:.0f}",
            fix=_fix(process.prediction),
            reference=RULE.article,
        )


@lru_cache(maxsize=64)
def _range(process: "Process") -> float:
    from designer.wrapping.weighting import target_power  # numpy: not for listing the rules

    rms = target_power(process, *process.grid()) ** 0.5
    return float(rms.max() / rms.min())


def _fix(prediction: str) -> Fix | None:
    if prediction != "score":
        return None
    return Fix("Weight the error by σ²", ({"op": "training", "name": "loss", "value": "sigma2"},))


def _trained(loss: str) -> examples.Document:
    nodes = {"norm": {"call": "GroupNorm", "params": {"num_groups": 4}}}
    training = {"schedule": "ve", "prediction": "score", "loss": loss}
    return examples.convolutional(nodes, [("h.out", "norm.x")], "norm.out", training=training)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _trained("mse")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _trained("sigma2")
