"""G017: what is attached to a frozen network starts at zero."""

from collections.abc import Iterable
from typing import Any

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation, insertion
from designer.rules import Rule, RuleContext, examples
from designer.rules.attached import Attachment, attachments, is_zero
from designer.shapes.values import Tensor

RULE = Rule(
    code="G017",
    title="Attachment changes the base model",
    severity="error",
    family="gating",
    what="A control, adapter or tuner joins a network whose weights are frozen, and what it adds is not 0 at initialisation.",
    why="The trained network answers differently before the first step: measured changes of 37–43 % of its output, exactly 0 "
    "with a zero-initialised connector.",
    example="A control branch that ends in an ordinary Conv2d and is added to the skips of a frozen U-Net.",
    instead='End in a ZeroConv, a zero-initialised Linear or a zero gate; or say "moves_base": true in training, as T2I-Adapter does.',
    article="8",
    reference="Zhang et al. 2023, arXiv:2302.05543 (ControlNet)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at the sums where trained block calls join frozen ones."""
    training = context.design.training
    if context.broken or training.get("moves_base") or training.get("sampling_only"):
        return
    for one in attachments(context.design, context.flow):
        if not is_zero(context.flow, one.sum, one.port):
            made = context.flow.into(one.sum, one.port)[0]
            yield Diagnostic(
                RULE.code,
                "error",
                f"{made.place} is added to a frozen network at {one.sum.call.node.id} and is not 0 at initialisation: attaching "
                "it changes the base model; start the connector at 0, or set training.moves_base where its weights are "
                "the base model's own",
                one.sum.place,
                one.port,
                received="a connector of random weights",
                expected="exactly 0 at initialisation",
                fix=_fix(context, one),
                reference=RULE.article,
                path=one.sum.path,
            )


def _fix(context: RuleContext, one: Attachment) -> Fix | None:
    """Put a zero convolution (on tokens: a zero linear layer) before the sum, and let it be trained."""
    definition, target = one.sum.frame.definition, f"{one.sum.call.node.id}.{one.port}"
    value = one.sum.input(one.port)
    features = value.shape[1 if len(value.shape) == 4 else -1] if isinstance(value, Tensor) else None
    if target not in definition.sources or not isinstance(features, int):
        return None
    on_map = isinstance(value, Tensor) and len(value.shape) == 4
    call, size = (
        ("ZeroConv", {"out_channels": features})
        if on_map
        else ("Linear", {"out_features": features, "init": "zero"})
    )
    operations = insertion(definition, target, call, "zero", ("x", "out"), **size)
    return Fix(
        "Start the connector at 0",
        (*operations, _train(context, f"{definition.name}/{operations[0]['node']}")),
    )


def _train(context: RuleContext, place: str) -> Operation:
    trainable = [*context.design.training.get("trainable", ()), place]
    return {"op": "training", "name": "trainable", "value": trainable}


def attached(end: dict[str, Any], training: dict[str, Any] | None = None) -> examples.Document:
    """Return a denoiser to whose middle a branch is attached that ends in `end`; all else is frozen unless said."""
    nodes = {
        "conv": {"call": "Conv2d", "params": {"out_channels": 16}},
        "hint": {"call": "Conv2d", "params": {"out_channels": 16}},
        "act": {"call": "SiLU"},
        "end": end,
        "inject": {"call": "ControlResidual"},
    }
    edges = [
        ("h.out", "conv.x"), ("map", "hint.x"), ("hint.out", "act.x"), ("act.out", "end.x"),
        ("conv.out", "inject.x"), ("end.out", "inject.control"),
    ]  # fmt: skip
    frozen = {"frozen": ["Net"], "trainable": ["Net/hint", "Net/end"]}
    inputs = (examples.IMAGE, examples.TIME, {"name": "map", "role": "control", "shape": "B 3 H W"})
    return examples.convolutional(
        nodes, edges, "inject.out", inputs=inputs, training=frozen if training is None else training
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return attached({"call": "Conv2d", "params": {"out_channels": 16, "kernel_size": 1, "padding": 0}})


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return attached({"call": "ZeroConv", "params": {"out_channels": 16}})
