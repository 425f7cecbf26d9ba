"""A007: modulation without gate."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation, fresh
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import Stack

RULE = Rule(
    code="A007",
    title="Modulation without gate",
    severity="warning",
    family="advice",
    effect=0.079,
    what="A stack of at least eight blocks modulates its norms by the condition, and no gate scales the branches.",
    why="The amplitude of each update is fixed while its content moves with the condition (measured: adaLN without gate +.079 normalised loss against adaLN-Zero, 12 blocks).",
    example="DiT blocks with adaLN instead of adaLN-Zero.",
    instead="adaLN-Zero: a gate per channel that starts at 0.",
    article="11.2",
    reference="Peebles & Xie 2023, arXiv:2212.09748",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for modulated stacks none of whose branches is gated or starts small."""
    for stack in context.stacks:
        modulated = [one for one in stack.updates if one.has("modulation")]
        quiet = any(one.has("gating") or one.starts_small for one in stack.updates)
        if stack.depth >= 8 and modulated and not quiet and not stack.has_skips:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{stack.depth} blocks are modulated without a gate on their branches; add one that starts at 0",
                stack.place,
                received="adaLN",
                expected="adaLN-Zero",
                fix=_fix(stack),
                reference=RULE.article,
            )


def _fix(stack: Stack) -> Fix | None:
    """Gate each modulated branch by a zero-initialised map of the condition that its modulator reads."""
    operations = list[Operation]()
    for update in stack.updates:
        definition, add = update.sum.frame.definition, update.sum.call.node.id
        modulator = next(
            (one for one in update.branch if one.has("modulator") and one.frame.definition is definition),
            None,
        )
        target, place = f"{add}.{update.port}", {"definition": definition.name}
        condition = definition.sources.get(f"{modulator.call.node.id}.c") if modulator else None
        if modulator is None or condition is None or target not in definition.sources:
            continue
        width = modulator.call.node.params.get("hidden_size", modulator.iteration.params.get("hidden_size"))
        gate, maker = fresh(definition, f"gate_{add}"), fresh(definition, f"gate_of_{add}")
        zero = {"out_features": width, "init": "zero"}
        wires = (
            (condition, f"{maker}.x"), (definition.sources[target], f"{gate}.x"), (f"{maker}.out", f"{gate}.gate"),
            (f"{gate}.out", target),
        )  # fmt: skip
        operations += [
            {"op": "add", **place, "node": maker, "call": "Linear", "params": zero},
            {"op": "add", **place, "node": gate, "call": "GateTokens"},
            *({"op": "connect", **place, "source": source, "target": end} for source, end in wires),
        ]
    return Fix("Gate each branch from 0 by the condition", tuple(operations)) if operations else None


def _block(gated: bool) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "adaln": {"call": "AdaLNZero", "params": {"hidden_size": "hidden_size"}},
        "modulate": {"call": "Modulate"},
        "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
        **({"gate": {"call": "GateTokens"}} if gated else {}),
        "add": {"call": "Add"},
    }
    end = [("fc.out", "gate.x"), ("adaln.gate_mlp", "gate.gate")] if gated else []
    edges = [
        ("x", "norm.x"), ("c", "adaln.c"), ("norm.out", "modulate.x"), ("adaln.shift_mlp", "modulate.shift"),
        ("adaln.scale_mlp", "modulate.scale"), ("modulate.out", "fc.x"), *end, ("x", "add.a"),
        ("gate.out" if gated else "fc.out", "add.b"),
    ]  # fmt: skip
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(gated=False), 8)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(gated=True), 8)
