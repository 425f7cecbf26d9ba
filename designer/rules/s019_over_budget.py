"""S019: the design costs more than its budget."""

from collections.abc import Iterator

from designer.budgets import BUDGETS
from designer.diagnostics import Diagnostic, Fix
from designer.errors import UserError
from designer.memory import checkpoints
from designer.rules import Rule, RuleContext, examples
from designer.shapes.frame import Frame
from designer.spending import Spending, spending

RULE = Rule(
    code="S019",
    title="Over budget",
    severity="error",
    family="structure",
    what="The design costs more parameters, FLOPs or memory than its budgets allow.",
    why="The budget says what the machine that it is meant for can hold; a run there would fail.",
    example="A budget of 10,000 parameters, and a convolution from 64 to 64 channels, which has 36,928.",
    instead="Make the nodes that cost the most narrower or repeat them less, checkpoint repeats where training "
    "does not fit, or raise the budget.",
    article="2.1",
)


def check(context: RuleContext) -> Iterator[Diagnostic]:
    """Compare each budget of a sound design with its cost at the budget's operating point."""
    design, main = context.design, context.design.main
    if context.broken or not design.budgets:
        return
    try:
        found = spending(design, context.frame)
    except UserError as error:
        yield Diagnostic(RULE.code, RULE.severity, f"budgets.at: {error}", main)
        return
    for one in found:
        if one.over:
            yield _diagnostic(one, context.frame)


def _diagnostic(one: Spending, frame: Frame) -> Diagnostic:
    what, unit = BUDGETS[one.budget]
    used, allowed = (f"{value:,.0f}{f' {unit}' if unit else ''}" for value in (one.used, one.allowed))
    at = ", ".join(f"{name}={value}" for name, value in one.summary.at.items())
    place = f" at {at} in {one.summary.precision}" if one.budget != "parameters" else ""
    costly = ", ".join(f"{node} ({share:,})" for node, share in one.nodes[:3])
    fix, advice = _remedy(one, frame)
    message = f"{used} {what if not unit else f'({what})'}{place}; the budget is {allowed}. Most go to {costly}: {advice}"
    return Diagnostic(
        RULE.code,
        RULE.severity,
        message,
        frame.definition.name,
        port=one.budget,
        received=used,
        expected=f"at most {allowed}",
        fix=fix,
    )


def _remedy(one: Spending, frame: Frame) -> tuple[Fix | None, str]:
    """Checkpointing where it suffices; else advice."""
    general = "make them narrower or repeat them less, or raise the budget"
    saved = one.summary.memory.training_checkpointed
    if one.budget != "training_memory" or saved >= one.used:
        return None, general
    if saved > one.allowed:
        return None, f"{general}; checkpointing the repeats would bring it down to {saved:,} B"
    operations = tuple(
        {"op": "checkpoint", "definition": definition, "node": node, "value": True}
        for definition, node in sorted(checkpoints.places(frame))
    )
    fix = Fix("Checkpoint the repeats", operations)
    return fix, f"checkpointing the repeats would bring it down to {saved:,} B"


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return {**good(), "budgets": {"parameters": 100}}


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    document = examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
    return {**document, "budgets": {"parameters": 10_000, "training_memory": 1e9, "at": {"B": 8}}}
