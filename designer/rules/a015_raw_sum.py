"""A015: raw sum of skip and trunk."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.document import Definition
from designer.operations import fresh
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import End, Flow, Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A015",
    title="Raw sum of skip and trunk",
    severity="warning",
    family="advice",
    effect=0.1,
    what="A long skip is added to the trunk as it comes: without a norm, a projection or a weight (error where no norm follows).",
    why="Variances add and couple the streams: un-normalised, 6 of 12 runs collapsed, 1 of 12 with the variance-preserving sum; with GroupNorm behind it there was no effect.",
    example="Add of the upsampled trunk and the encoder's output.",
    instead="A variance-preserving sum (VPAdd), or normalise, weigh and normalise again.",
    article="4, 5.2",
    reference="Huang et al. 2023, arXiv:2310.13545 (ScaleLong)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at plain sums that exactly one long skip enters straight from outside."""
    for leaf in context.flow.tagged("add"):
        ports = [
            port
            for port, value in leaf.call.inputs.items()
            if isinstance(value, Tensor) and value.role == "skip"
        ]
        if (
            not is_plain_sum(leaf)
            or len(ports) != 1
            or not _is_raw(leaf, ports[0])
            or is_injection(context, leaf, ports[0])
        ):
            continue
        after = context.flow.after(leaf)
        normalised = bool(after) and all(one.has("norm", "add", "concat") for one in after)
        yield Diagnostic(
            RULE.code,
            "warning" if normalised else "error",
            f"{leaf.call.node.id} adds a long skip as it comes; use a variance-preserving sum",
            leaf.place,
            ports[0],
            received="d + s",
            expected="(w_d d + w_s s) / √(w_d² + w_s²)",
            fix=_fix(leaf),
            reference=RULE.article,
            path=leaf.path,
        )


def is_plain_sum(leaf: Leaf) -> bool:
    """Whether a block adds two streams and does nothing else."""
    more = ("adapter", "fusion", "gating", "modulation", "normalized_add", "scale")
    return leaf.has("add") and not leaf.has(*more) and [port.name for port in leaf.spec.inputs] == ["a", "b"]


def _fix(leaf: Leaf) -> Fix:
    """The sum divided by the root of the squared weights, both 1."""
    definition, node = leaf.frame.definition, leaf.call.node.id
    place, one = {"definition": definition.name}, fresh(definition, "one")
    return Fix(
        "Use the variance-preserving sum",
        (
            {"op": "call", **place, "node": node, "call": "VPAdd"},
            {"op": "add", **place, "node": one, "call": "UnitGate"},
            {"op": "connect", **place, "source": f"{one}.out", "target": f"{node}.w_a"},
            {"op": "connect", **place, "source": f"{one}.out", "target": f"{node}.w_b"},
        ),
    )


def is_injection(context: RuleContext, leaf: Leaf, port: str) -> bool:
    """Whether the other side is a residual of the skip itself, or a control that is injected into it."""
    flow = context.flow
    other = next(one.name for one in leaf.spec.inputs if one.name != port)
    value = leaf.call.inputs.get(other)
    skips = set(flow.sources[(leaf.key, port)])
    todo, seen = list(flow.sources[(leaf.key, other)]), set[End]()
    while todo:  # within the definition: further out every trunk comes from its skips
        end = todo.pop()
        if end in seen or end[0][:-1] != leaf.key[:-1]:
            continue
        seen.add(end)
        todo += _fed(flow, end)
    same = any(one in skips for end in seen for one in _fed(flow, end))
    control = isinstance(value, Tensor) and value.role == "control"
    return same or control


def _fed(flow: Flow, end: End) -> list[End]:
    """What feeds a block call."""
    leaf = flow.leaves[end[0]]
    return [one for port in leaf.spec.inputs for one in flow.sources.get((leaf.key, port.name), ())]


def _is_raw(leaf: Leaf, port: str) -> bool:
    """Whether the skip arrives from outside: an input of the definition, or what another definition puts out."""
    source = leaf.frame.definition.sources.get(f"{leaf.call.node.id}.{port}", "")
    call = leaf.frame.calls.get(source.partition(".")[0])
    return "." not in source or (call is not None and isinstance(call.target, Definition))


def _fused(block: str) -> examples.Document:
    edges = [("skip", "fuse.b"), ("x", "fuse.a")]
    if block == "Add":
        return examples.skip_fusion({"fuse": {"call": block}}, edges, "fuse.out")
    edges += [("one.out", "fuse.w_a"), ("one.out", "fuse.w_b")]
    return examples.skip_fusion({"one": {"call": "UnitGate"}, "fuse": {"call": block}}, edges, "fuse.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _fused("Add")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _fused("VPAdd")
