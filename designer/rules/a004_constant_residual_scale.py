"""A004: constant residual scale."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf

RULE = Rule(
    code="A004",
    title="Constant residual scale",
    severity="info",
    family="advice",
    effect=0.1,
    what="Branches of a deep stack are scaled by a constant such as 1/√2.",
    why="It balances the two sides of one sum; over depth the variance still accumulates (measured: .934–.949 against .827–.842 with 1/√(2L), a fifth of the gap recovered).",
    example="Scale of 0.7071 in each of 48 blocks.",
    instead="1/√(2L), with L the number of blocks.",
    article="10.2",
    reference="Karras et al. 2022, arXiv:2206.00364 (the constant); Zhang et al. 2019, arXiv:1901.09321 (depth)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at constants on branches of stacks deeper than 12 blocks that do not start small."""
    for stack in context.stacks:
        for one in stack.updates if stack.depth > 12 else ():
            scale = next((leaf for leaf in one.branch if leaf.has("scale") and leaf.number("factor")), None)
            factor = scale.number("factor") if scale else None
            limit = 1.5 / (2 * stack.depth) ** 0.5
            if scale and factor and limit < factor < 1 and not one.starts_small:
                yield Diagnostic(
                    RULE.code,
                    "info",
                    f"a constant scale of {factor:.3g} does not stop accumulation over {stack.depth} blocks; "
                    f"1/√(2L) is {(2 * stack.depth) ** -0.5:.3g}",
                    scale.place,
                    received=f"{factor:.3g}",
                    expected="1/sqrt(2*L)",
                    fix=_fix(scale, stack.depth),
                    reference=RULE.article,
                )


def _fix(scale: Leaf, depth: int) -> Fix:
    """Set the factor where it is written, for this number of blocks."""
    definition, _, node = scale.place.partition("/")
    value = f"1/sqrt(2*{depth})"
    operation = {"op": "set", "definition": definition, "node": node, "param": "factor", "value": value}
    return Fix(f"Scale by {value}", (operation,))


def _block(factor: float | str) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "fc": {"call": "Linear", "params": {"out_features": "hidden_size"}},
        "scale": {"call": "Scale", "params": {"factor": factor}},
        "add": {"call": "Add"},
    }
    edges = [
        ("x", "norm.x"),
        ("norm.out", "fc.x"),
        ("fc.out", "scale.x"),
        ("x", "add.a"),
        ("scale.out", "add.b"),
    ]
    return examples.block(nodes, edges, "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(0.7071067811865476), 48)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block("1/sqrt(2*48)"), 48)
