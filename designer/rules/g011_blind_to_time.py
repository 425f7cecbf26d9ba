"""G011: the network must see the noise level."""

from collections.abc import Iterable

import networkx as nx

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.shapes.values import SAMPLES

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
            reference=RULE.article,
        )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.design(
        {"conv": {"call": "Conv2d", "params": {"out_channels": 3}}}, [("x", "conv.x")], "conv.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
