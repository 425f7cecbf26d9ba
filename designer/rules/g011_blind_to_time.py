"""G011: the network must see the noise level."""

from collections.abc import Iterable

import networkx as nx

from designer.diagnostics import Diagnostic, Fix
from designer.document import DesignPort
from designer.operations import fresh
from designer.rules import Rule, RuleContext, examples
from designer.rules.noise_levels import first_layers
from designer.shapes.values import SAMPLES, Tensor

RULE = Rule(
    code="G011",
    title="The network never sees the timestep",
    severity="error",
    family="gating",
    what="No path leads from a timestep or sigma input to the output.",
    why="One network must act differently at every noise level; measured without time input: normalised loss "
    "+.049 (v), +.043 (EDM), +.019 (flow), within noise for ε.",
    example="A U-Net whose input t is not connected.",
    instead='Embed the timestep and feed it to every block, or say "blind_denoiser": true in training.',
    article="2.1.4",
    reference="Ho et al. 2020, arXiv:2006.11239",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for a path from a timestep input to an output of the main definition."""
    main = context.design.main_definition
    if context.broken or context.design.training.get("blind_denoiser"):
        return
    times = [port.name for port in main.inputs if port.role in ("timestep", "sigma")]
    samples = [port for port in main.inputs if port.role in SAMPLES]
    if not samples:
        return
    graph: nx.DiGraph[object] = nx.DiGraph()
    graph.add_edges_from(
        (source.partition(".")[0], target.partition(".")[0]) for source, target in main.edges
    )
    ends = {port.source.partition(".")[0] for port in main.outputs}
    seen = any(name in graph and ends & nx.descendants(graph, name) for name in times)
    if not seen:
        what = "has no timestep input" if not times else f"does not use its input {times[0]!r}"
        yield Diagnostic(
            RULE.code,
            "error",
            f"{main.name} {what}: the network never sees the noise level",
            main.name,
            expected="a path from a timestep input to the output",
            fix=_fix(
                context, next((port for port in main.inputs if port.role in ("timestep", "sigma")), None)
            ),
            reference=RULE.article,
        )


def _fix(context: RuleContext, time: DesignPort | None) -> Fix | None:
    """Add an embedding of the time behind the first layer of the main definition, where the network has a time input."""
    main = context.design.main_definition
    first = next((leaf for leaf in first_layers(context.design, context.flow) if len(leaf.key) == 1), None)
    value = next(iter(first.call.outputs.values())) if first else None
    if time is None or first is None or not isinstance(value, Tensor) or len(value.shape) not in (3, 4):
        return None
    embed, width, add = (fresh(main, name) for name in ("embed", "embed_width", "add_time"))
    place, made = {"definition": main.name}, f"{first.call.node.id}.{first.spec.outputs[0].name}"
    features, on_map = value.shape[1 if len(value.shape) == 4 else -1], len(value.shape) == 4
    block = "TimestepEmbedding" if time.role == "timestep" else "GaussianFourier"
    moved = [target for source, target in main.edges if source == made]
    ends = [port.name for port in main.outputs if port.source == made]
    wires = [
        (time.name, f"{embed}.{'t' if time.role == 'timestep' else 'sigma'}"),
        (f"{embed}.out", f"{width}.x"),
        (made, f"{add}.x"),
    ]
    wires += [
        (f"{width}.out", f"{add}.{'embedding' if on_map else 'vector'}"),
        *((f"{add}.out", target) for target in moved),
    ]
    return Fix(
        f"Add an embedding of {time.name} behind {first.call.node.id}",
        (
            {"op": "add", **place, "node": embed, "call": block, "params": {"dim": 256}},
            {"op": "add", **place, "node": width, "call": "Linear", "params": {"out_features": features}},
            {"op": "add", **place, "node": add, "call": "AddEmbedding" if on_map else "AddToTokens"},
            *({"op": "connect", **place, "source": source, "target": target} for source, target in wires),
            *({"op": "output", **place, "port": port, "source": f"{add}.out"} for port in ends),
        ),
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.design(
        {"conv": {"call": "Conv2d", "params": {"out_channels": 3}}}, [("x", "conv.x")], "conv.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
