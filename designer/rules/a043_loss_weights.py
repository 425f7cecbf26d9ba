"""A043: weights of the loss that let a few noise levels or channels own the gradient."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.noise_levels import process_of

if TYPE_CHECKING:
    from designer.wrapping.noise import Process

RULE = Rule(
    code="A043",
    title="Loss weights of a wide range",
    severity="warning",
    family="advice",
    effect=0.01,
    what="The weighted squared error expected of an untrained network is over 1000 times its median at some noise level, or channel weights differ by more.",
    why="The gradient is that of one noise band or channel; the others hardly learn.",
    example="EDM's weights 1/σ² + 1/s² on a network that predicts x₀ without EDM's preconditioning.",
    instead="Cap the weights as min-SNR does, or put the preconditioning that they belong to around the network.",
    article="1.1, 2.3.2",
    reference="Hang et al. 2023, arXiv:2303.09556",
)
LIMIT = 1e3


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare weights over noise levels, then over channels."""
    process = process_of(context.design)
    inside = bool(context.flow.tagged("noise_level"))  # the graph scales its output
    if process is not None and process.loss != "mse" and not process.uncertainty and not inside:
        times = _range(process)
        if times > LIMIT:
            fix = Fix("Weight by min-SNR", ({"op": "training", "name": "loss", "value": "min_snr"},))
            yield _found(context, times, "noise level", fix)
    weights = context.design.training.get("channel_weights") or [1]
    lowest = min((one for one in weights if one > 0), default=1)
    if max(weights) / lowest > LIMIT:
        yield _found(context, max(weights) / lowest, "channel", None)


@lru_cache(maxsize=64)
def _range(process: "Process") -> float:
    import numpy as np

    from designer.wrapping.weighting import loss_weight, target_power  # numpy: not for listing the rules

    alpha, sigma = process.grid()
    scale = loss_weight(process, alpha, sigma) * target_power(process, alpha, sigma)
    return float(scale.max() / np.median(scale))


def _found(context: RuleContext, times: float, what: str, fix: Fix | None) -> Diagnostic:
    return Diagnostic(
        RULE.code,
        "warning",
        f"the loss weighs one {what} ×{times:.0f} more than others: it owns the gradient; cap the weights",
        context.design.main,
        received=f"×{times:.0f}",
        expected=f"at most ×{LIMIT:.0f}",
        fix=fix,
        reference=RULE.article,
    )


def _trained(loss: str) -> examples.Document:
    training = {"prediction": "x0", "loss": loss}
    return examples.convolutional(
        {"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out", training=training
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _trained("edm")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _trained("min_snr")
