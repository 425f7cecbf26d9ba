"""G018: a control is added to a skip, it does not replace it."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import fresh
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="G018",
    title="Control in the place of a skip",
    severity="error",
    family="gating",
    what="A control is joined to the decoder's trunk where a skip belongs, and the skip is left out.",
    why="The decoder loses what the encoder saw; a control injected as a residual, s + γ·Δ, starts from the network as it is.",
    example="ConcatChannels of the upsampled trunk and the control's features.",
    instead="ControlResidual of the skip and the control, then the fusion.",
    article="8",
    reference="Zhang et al. 2023, arXiv:2302.05543 (ControlNet)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at fusions of a trunk that was upsampled with a control that no skip was added to."""
    if context.design.training.get("sampling_only"):
        return
    for leaf in context.flow.tagged("concat"):
        controls = [
            name
            for name, value in leaf.call.inputs.items()
            if isinstance(value, Tensor) and value.role == "control"
        ]
        trunks = [port.name for port in leaf.spec.inputs if port.name not in controls]
        if len(controls) == 1 and trunks and any(_is_upsampled(context, leaf, port) for port in trunks):
            yield Diagnostic(
                RULE.code,
                "error",
                f"{leaf.call.node.id} joins a control to the trunk in the place of a skip; add it to the skip instead",
                leaf.place,
                controls[0],
                received="a control alone",
                expected="s + γ·Δ",
                fix=_fix(leaf, controls[0]),
                reference=RULE.article,
                path=leaf.path,
            )


def _is_upsampled(context: RuleContext, leaf: Leaf, port: str) -> bool:
    flow = context.flow
    near = flow.into(leaf, port)
    above = {key for one in near for key in (one.key, *flow.upstream(one)) if key in flow.leaves}
    return any(flow.leaves[key].has("upsample") for key in above)


def _fix(leaf: Leaf, port: str) -> Fix | None:
    """Add the control to the skip that the definition has, of the same shape."""
    definition, value = leaf.frame.definition, leaf.input(port)
    ends = [one.name for one in definition.inputs] + [source for source, _ in definition.edges]
    ends += [f"{name}.{one}" for name, call in leaf.frame.calls.items() for one in call.outputs]
    skip = next((end for end in ends if _is_skip(leaf, end, value)), None)
    target = f"{leaf.call.node.id}.{port}"
    if skip is None:
        return None
    node, place = fresh(definition, "inject"), {"definition": definition.name}
    return Fix(
        f"Add the control to {skip}",
        (
            {"op": "add", **place, "node": node, "call": "ControlResidual"},
            {"op": "connect", **place, "source": skip, "target": f"{node}.x"},
            {"op": "connect", **place, "source": definition.sources[target], "target": f"{node}.control"},
            {"op": "connect", **place, "source": f"{node}.out", "target": target},
        ),
    )


def _is_skip(leaf: Leaf, end: str, like: object) -> bool:
    found = leaf.frame.value(end)
    return (
        isinstance(found, Tensor)
        and isinstance(like, Tensor)
        and found.role == "skip"
        and found.shape == like.shape
    )


def _joined(nodes: dict[str, dict[str, object]], edges: list[tuple[str, str]]) -> examples.Document:
    middle = {
        "fuse": {"call": "ConcatChannels"},
        "proj": {"call": "Conv2d", "params": {"out_channels": 16}},
        **nodes,
    }
    inputs = (examples.IMAGE, examples.TIME, {"name": "map", "role": "control", "shape": "B 16 H W"})
    return examples.skip_fusion(
        middle, [("x", "fuse.a"), *edges, ("fuse.out", "proj.x")], "proj.out", inputs=inputs
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _joined({}, [("map", "fuse.b")])


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    edges = [("skip", "inject.x"), ("map", "inject.control"), ("inject.out", "fuse.b")]
    return _joined({"inject": {"call": "ControlResidual"}}, edges)
