"""A018: the squared weights of added skips sum to more than four."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation, chain
from designer.rules import Rule, RuleContext, examples
from designer.rules.a015_raw_sum import is_injection
from designer.rules.flow import INPUT, Flow, Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A018",
    title="Sum of squared skip weights",
    severity="info",
    family="advice",
    effect=0.0,
    what="The squared weights κ_i of the long skips that are added to the trunk sum to more than 4.",
    why="ScaleLong bounds the range of features by Σκ_i². Measured: no effect where GroupNorm follows; un-normalised, collapses "
    "at 3e-3 fell from 2 of 6 to none, and rose from 4 to 5 of 6 at 1e-2.",
    example="Five skips added as they come: Σκ² = 5.",
    instead="κ_i = κ^(i−1) with κ ≈ 0.7, whose squares sum to less than 2.",
    article="5.2",
    reference="Huang et al. 2023, arXiv:2310.13545 (ScaleLong)",
)
LIMIT = 4.0


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Add up the constant weights of every sum that exactly one long skip enters, each pass of a repeat by itself."""
    adds = [leaf for leaf in context.flow.tagged("add") if _skip_port(leaf)]
    sums = {leaf.path: leaf for leaf in adds if not is_injection(context, leaf, _skip_port(leaf))}
    if not sums or context.prediction is None:
        return
    places = [
        tuple(part for part in one.node.split(".") if not part.isdigit())
        for one in context.prediction.fusions
    ]
    weights = [weight(context.flow, sums[path]) for path in places if path in sums]
    total = sum(one**2 for one in weights)
    if total > LIMIT:
        first = next(sums[path] for path in places if path in sums)
        yield Diagnostic(
            RULE.code,
            "info",
            f"the squared weights of {len(weights)} added skips sum to {total:.3g}; let them decay with depth",
            first.place,
            _skip_port(first),
            received=f"Σκ² = {total:.3g}",
            expected=f"at most {LIMIT:g}",
            fix=_fix(list(sums.values()), (LIMIT / total) ** 0.5),
            reference=RULE.article,
            path=first.path,
        )


def _skip_port(leaf: Leaf) -> str:
    """The port on which exactly one of two streams is a long skip; "" for other sums and for sums that normalise."""
    streams = {
        name: value
        for name, value in leaf.call.inputs.items()
        if isinstance(value, Tensor) and value.role != "gate"
    }
    skips = [name for name, value in streams.items() if value.role == "skip"]
    normal = leaf.has("adapter", "normalized_add", "inference_only")
    return skips[0] if len(streams) == 2 and len(skips) == 1 and not normal else ""


def weight(flow: Flow, leaf: Leaf) -> float:
    """The product of the constants on the way of the skip; a weight that is not known before training counts as 1."""
    total, ends = 1.0, flow.sources.get((leaf.key, _skip_port(leaf)), ())
    while len(ends) == 1 and ends[0][0] != INPUT:
        one = flow.leaves[ends[0][0]]
        if one.has("scale"):
            total *= one.number("factor") or 1.0
        elif one.has("gating") and len(one.spec.inputs) > 1:
            gates = [
                before.number(before.spec.gate.initial)
                for before in flow.into(one, one.spec.inputs[1].name)
                if before.spec.gate
            ]
            total *= gates[0] if gates and gates[0] is not None else 1.0
        elif not one.has("reshape", "stochastic", "lowpass"):
            break
        ends = flow.sources.get((one.key, one.spec.inputs[0].name), ())
    return total


def _fix(sums: list[Leaf], factor: float) -> Fix | None:
    """Scale every such skip alike, each definition once."""
    operations, seen = list[Operation](), set[str]()
    for leaf in sums:
        definition, target = leaf.frame.definition, f"{leaf.call.node.id}.{_skip_port(leaf)}"
        if leaf.place in seen or target not in definition.sources:
            continue
        seen.add(leaf.place)
        name = f"weigh_{leaf.call.node.id}"
        operations += chain(definition, target, [("Scale", name, {"factor": round(factor - 0.0005, 3)})])
    return Fix(f"Weigh each of these skips by {factor:.2g}", tuple(operations)) if operations else None


def _added(number: int, factor: float) -> examples.Document:
    nodes, edges, trunk = dict[str, object](), list[tuple[str, str]](), "x"
    for one in range(number):
        nodes |= {
            f"scale_{one}": {"call": "Scale", "params": {"factor": factor}},
            f"fuse_{one}": {"call": "Add"},
        }
        nodes[f"norm_{one}"] = {"call": "GroupNorm", "params": {"num_groups": 8}}
        edges += [("skip", f"scale_{one}.x"), (trunk, f"fuse_{one}.a"), (f"scale_{one}.out", f"fuse_{one}.b")]
        edges.append((f"fuse_{one}.out", f"norm_{one}.x"))
        trunk = f"norm_{one}.out"
    return examples.skip_fusion(nodes, edges, trunk)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _added(5, 1.0)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _added(5, 0.7)
