"""S020: checkpointing of what keeps no module."""

from collections.abc import Iterator

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.spec import BlockSpec

RULE = Rule(
    code="S020",
    title="Nothing to checkpoint",
    severity="warning",
    family="structure",
    what="A node asks for checkpointing and calls a plain function or operator.",
    why="Checkpointing computes a module again in backward; an operator on its own would save nothing by it.",
    example="A SiLU with checkpoint: true.",
    instead="Checkpoint the definition that calls it, a repeated one most of all.",
    article="2.1",
)

PLAIN = ("function", "expression")  # kinds of blocks without a module


def check(context: RuleContext) -> Iterator[Diagnostic]:
    """Report checkpointed calls of blocks without a module."""
    for place, frame, call in context.calls:
        target, definition = call.target, frame.definition.name
        if not (call.node.checkpoint and isinstance(target, BlockSpec) and target.kind in PLAIN):
            continue
        operation = {"op": "checkpoint", "definition": definition, "node": call.node.id, "value": False}
        yield Diagnostic(
            RULE.code,
            RULE.severity,
            f"{call.node.id} calls the operator {target.name}, which checkpointing does not help: "
            "checkpoint the definition around it",
            place,
            fix=Fix(f"Do not checkpoint {call.node.id}", (operation,)),
        )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "SiLU", "checkpoint": True}}, [("h.out", "act.x")], "act.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
