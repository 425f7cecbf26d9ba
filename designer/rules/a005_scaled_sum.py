"""A005: scaled sum."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation, bypass
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import Stack, before_sum

RULE = Rule(
    code="A005",
    title="Scaled sum",
    severity="warning",
    family="advice",
    effect=0.01,
    what="The sum (x + F(x))/√2 itself is scaled, in more than eight consecutive blocks.",
    why="The identity path is attenuated by 2^(−L/2): the gradient of early blocks with it.",
    example="Scale behind Add in each of 12 blocks.",
    instead="Scale the branch alone, or normalise again.",
    article="2.2.5",
    reference="Song et al. 2021, arXiv:2011.13456 (score_sde, with few blocks)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for constants below one on the carried stream."""
    for stack in context.stacks:
        small = [leaf for leaf in stack.scaled_sums if 0 < (leaf.number("factor") or 1) < 1]
        if small and stack.depth * len(small) > 8:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{stack.depth} blocks scale the whole sum at {small[0].place}: the identity path fades by "
                f"{(small[0].number('factor') or 1) ** (stack.depth * len(small)):.1g}; scale the branch alone",
                stack.place,
                received="β (x + F(x))",
                expected="x + β F(x)",
                fix=_fix(stack),
                reference=RULE.article,
            )


def _fix(stack: Stack) -> Fix | None:
    """Move each constant from behind the sum to the branch."""
    operations = list[Operation]()
    for update in stack.updates:
        for scale in stack.scaled_sums:
            definition, name = scale.frame.definition, scale.call.node.id
            source = definition.sources.get(f"{name}.{scale.spec.inputs[0].name}", "")
            if update.sum in stack.flow.into(scale, scale.spec.inputs[0].name):
                operations += before_sum(update, [("Scale", "branch", {"factor": scale.number("factor")})])
                operations += bypass(definition, name, source)
    return Fix("Scale the branches alone", tuple(operations)) if operations else None


def _block(scaled: str, output: str) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
        "scale": {"call": "Scale"},
        "add": {"call": "Add"},
    }
    branch = "scale.out" if scaled == "fc.out" else "fc.out"
    edges = [("x", "norm.x"), ("norm.out", "fc.x"), (scaled, "scale.x"), ("x", "add.a"), (branch, "add.b")]
    return examples.block(nodes, edges, output)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block("add.out", "scale.out"), 12)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block("fc.out", "add.out"), 12)
