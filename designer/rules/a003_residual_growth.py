"""A003: growth of the residual stream."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import Stack, scale_branches

RULE = Rule(
    code="A003",
    title="Growth of the residual stream",
    severity="warning",
    family="advice",
    effect=0.13,
    what="The predicted rms of a residual stream at initialisation grows by more than 3.5 over the stack (error: by more than 30).",
    why="Late blocks matter less and less, and gradients differ from block to block (measured at 48 blocks: normalised loss .958–.997, with 1/√(2L) .827–.842, with LayerScale 1e-4 .807–.819).",
    example="48 pre-norm blocks with β = 1 and ordinary initialisation.",
    instead="β = 1/√(2L), LayerScale, or zero-initialised last layers.",
    article="10.1, 10.2",
    reference="Zhang et al. 2019, arXiv:1901.09321; Xiong et al. 2020, arXiv:2002.04745",
)
WARN, FAIL = 3.5, 30.0


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the last sum of each deep stack with its first; gates and zero starts are left to what they learn."""
    for stack in context.stacks:
        quiet = all(one.starts_small for one in stack.updates) or stack.post_norms or stack.scaled_sums
        gated = any(one.has("gating") for one in stack.updates)
        if stack.depth < 8 or quiet or gated or stack.has_skips:
            continue
        growth = _growth(context, stack)
        if growth > WARN:
            yield Diagnostic(
                RULE.code,
                "error" if growth > FAIL else "warning",
                f"the residual stream of {stack.depth} blocks grows {growth:.1f} times at initialisation; scale each "
                f"branch by 1/√(2L) = {(2 * stack.depth) ** -0.5:.2g}, or start it at 0",
                stack.place,
                received=f"×{growth:.1f}",
                expected=f"at most ×{WARN:g}",
                fix=scale_branches(stack),
                reference=RULE.article,
            )


def _growth(context: RuleContext, stack: Stack) -> float:
    """rms of the last residual sum over rms of the first, in the first place where the stack stands."""
    if context.prediction is None:
        return 1.0
    name, node = stack.place.partition("/")[2], stack.updates[0].sum.call.node.id
    found = [rms for path, rms in context.prediction.rms.items() if _is_sum(path, name, node)]
    return found[-1] / found[0] if len(found) > 1 and found[0] > 0 else 1.0


def _is_sum(path: str, name: str, node: str) -> bool:
    parts = path.split(".")
    return parts[-1] == node and name in parts and parts[parts.index(name) + 1].isdigit()


def _block(init: str) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "fc": {"call": "Linear", "params": {"out_features": "4*hidden_size", "init": "xavier_uniform"}},
        "act": {"call": "GELU"},
        "out": {
            "call": "Linear",
            "params": {"out_features": "hidden_size", "init": init if init == "zero" else "xavier_uniform"},
        },
        "add": {"call": "Add"},
    }
    edges = [
        ("x", "norm.x"), ("norm.out", "fc.x"), ("fc.out", "act.x"), ("act.out", "out.x"), ("x", "add.a"), ("out.out", "add.b"),
    ]  # fmt: skip
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block("default"), 48)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block("zero"), 48)
