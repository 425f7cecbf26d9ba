"""A006: random branches at the start."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import Stack, before_sum
from designer.rules.tracing import origins

RULE = Rule(
    code="A006",
    title="Random branches at the start",
    severity="warning",
    family="advice",
    effect=0.12,
    what="A flat stack of at least twelve blocks, without long skips, in which no residual branch starts at or near 0.",
    why="Random branches pile up before the first step (measured: normalised loss .958–.997 against .848–.873 with zero-initialised last layers, 48 blocks).",
    example="Twelve pre-norm blocks whose last linear layers start as torch starts them.",
    instead="Zero-initialise the last layer of each branch, or its gate, exactly one of the two (G014).",
    article="9, 10.3",
    reference="Bachlechner et al. 2020, arXiv:2003.04887; Goyal et al. 2017, arXiv:1706.02677",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Warn from 24 blocks on; long skips shorten the path of the gradient, so stacks with them are left alone."""
    for stack in context.stacks:
        quiet = any(one.starts_small or one.has("scale", "gating") for one in stack.updates)
        if stack.depth < 12 or quiet or stack.has_skips:
            continue
        yield Diagnostic(
            RULE.code,
            "warning" if stack.depth >= 24 else "info",
            f"no branch of {stack.depth} blocks starts at or near 0; zero-initialise the last layer of each branch",
            stack.place,
            received="random branches",
            expected="a zero layer, zero gate or LayerScale",
            fix=_fix(stack),
            reference=RULE.article,
        )


def _fix(stack: Stack) -> Fix | None:
    """Start the last layer of each branch at 0 where it says how it starts; LayerScale where it does not."""
    operations: list[Operation] = []
    for update in stack.updates:
        last = origins(stack.flow, update.sum, update.port)
        if last and all("init" in leaf.iteration.params for leaf in last):
            places = [leaf.place.partition("/") for leaf in last]
            operations += [
                {"op": "set", "definition": definition, "node": node, "param": "init", "value": "zero"}
                for definition, _, node in places
            ]
        else:
            operations += before_sum(update, [("LayerScale", "scale", {})])
    return Fix("Start each branch at 0, or nearly", tuple(operations)) if operations else None


def _block(init: str) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "fc": {"call": "Linear", "params": {"out_features": "hidden_size", "init": init}},
        "add": {"call": "Add"},
    }
    edges = [("x", "norm.x"), ("norm.out", "fc.x"), ("x", "add.a"), ("fc.out", "add.b")]
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block("default"), 12)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block("zero"), 12)
