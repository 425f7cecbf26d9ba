"""A025: a fusion that several conditions do not reach."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import fresh
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.shapes.values import SAMPLES, Tensor

RULE = Rule(
    code="A025",
    title="Fixed fusion under several conditions",
    severity="info",
    family="advice",
    effect=0.0,
    what="Skips are concatenated with a fixed weight, and the network takes two conditions or more beside the timestep.",
    why="Which part of the encoder is of use may differ from condition to condition (literature; not measured here).",
    example="SDXL: text, pooled text and sizes, and skips concatenated as they come.",
    instead="A weight of the skip that sees the conditions: HyperGate or ChannelMLPGate, bounded.",
    article="4, 8",
    reference="Ha et al. 2017, arXiv:1609.09106 (hypernetworks)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at the first concatenation of a skip that nothing weighs."""
    times = {*SAMPLES, "timestep", "sigma", "mask", "positions"}
    conditions = [port.name for port in context.design.main_definition.inputs if port.role not in times]
    if len(conditions) < 2:
        return
    for leaf in context.flow.tagged("concat"):
        ports = [
            name
            for name, value in leaf.call.inputs.items()
            if isinstance(value, Tensor) and value.role == "skip"
        ]
        if len(ports) == 1 and not any(
            one.has("gating", "attention") for one in context.flow.into(leaf, ports[0])
        ):
            yield Diagnostic(
                RULE.code,
                "info",
                f"{leaf.place} joins its skip alike under {', '.join(conditions)}; a weight could follow them",
                leaf.place,
                ports[0],
                received="a fixed weight",
                expected="a weight that follows the conditions",
                fix=_fix(leaf, ports[0]),
                reference=RULE.article,
                path=leaf.path,
            )
            return  # the same in every level


def _fix(leaf: Leaf, port: str) -> Fix | None:
    """Weigh the skip by 2σ of a map of a condition vector, where the definition has one: 1 at the start."""
    frame, target = leaf.frame, f"{leaf.call.node.id}.{port}"
    definition, place = frame.definition, {"definition": frame.definition.name}
    ends = [one.name for one in definition.inputs] + [
        f"{name}.{one}" for name, call in frame.calls.items() for one in call.outputs
    ]
    vector = next((end for end in ends if _is_vector(frame.value(end))), None)
    if vector is None or target not in definition.sources:
        return None
    gate, bound, weigh = (fresh(definition, name) for name in ("gate", "bound", "weigh"))
    skip = definition.sources[target]
    nodes = ((gate, "ChannelMLPGate"), (bound, "DoubleSigmoidBound"), (weigh, "Weigh"))
    wires = (
        (skip, f"{gate}.x"), (vector, f"{gate}.c"), (f"{gate}.out", f"{bound}.x"), (skip, f"{weigh}.x"),
        (f"{bound}.out", f"{weigh}.w"), (f"{weigh}.out", target),
    )  # fmt: skip
    return Fix(
        f"Weigh the skip by a bounded gate of {vector}",
        (
            *({"op": "add", **place, "node": node, "call": call} for node, call in nodes),
            *({"op": "connect", **place, "source": source, "target": end} for source, end in wires),
        ),
    )


def _is_vector(value: object) -> bool:
    return isinstance(value, Tensor) and len(value.shape) == 2 and value.role in ("vector", "embedding")


def _joined(inputs: tuple[dict[str, str], ...]) -> examples.Document:
    nodes = {
        **{f"add_{one['name']}": {"call": "AddEmbedding"} for one in inputs},
        "fuse": {"call": "ConcatChannels"},
        "proj": {"call": "Conv2d", "params": {"out_channels": 16}},
    }
    edges, end = [("skip", "fuse.b"), ("x", "fuse.a")], "fuse.out"
    for one in inputs:
        node = f"add_{one['name']}"
        edges += [(end, f"{node}.x"), (one["name"], f"{node}.embedding")]
        end = f"{node}.out"
    width = {"inputs": (examples.IMAGE, examples.TIME, *inputs)}
    return examples.skip_fusion(nodes, [*edges, (end, "proj.x")], "proj.out", **width)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _joined(tuple({"name": name, "role": "vector", "shape": "B 32"} for name in ("y", "z")))


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _joined(({"name": "y", "role": "vector", "shape": "B 32"},))
