"""G012: the timestep is embedded before anything learned reads it."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import fresh
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Flow, Leaf
from designer.rules.tracing import PASSING, origins, raw_inputs, reached

RULE = Rule(
    code="G012",
    title="Raw time",
    severity="error",
    family="gating",
    what="A timestep (0 … 999) or noise level (σ up to 80) reaches a linear layer, a modulator or a gate as a number.",
    why="One feature of that range dominates every weight at the start, and a linear layer of it can only be monotone.",
    example="t, made a column, into a Linear.",
    instead="Embed it: sinusoids of t, Fourier features of ln(σ)/4, or the log-SNR of the schedule.",
    article="2.1.4",
    reference="Vaswani et al. 2017, arXiv:1706.03762; Karras et al. 2022, arXiv:2206.00364",
)
_THROUGH = PASSING | {"add", "gating"}


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Follow what enters learned layers back to an input of the network."""
    times = {
        port.name for port in context.design.main_definition.inputs if port.role in ("timestep", "sigma")
    }
    near = {key for name in times for key in reached(context.flow, name, _THROUGH)}
    for leaf in (one for one in context.flow.tagged("linear", "modulator", "gate") if one.key in near):
        for port in leaf.spec.inputs:
            raw = sorted(times & raw_inputs(context.flow, leaf, port.name, _THROUGH))
            if raw and port.role not in ("timestep", "sigma", "log_snr"):
                yield Diagnostic(
                    RULE.code,
                    "error",
                    f"{raw[0]} reaches {leaf.call.node.id} as a raw number; embed it first",
                    leaf.place,
                    port.name,
                    received=raw[0],
                    expected="an embedding of it",
                    fix=_fix(context.flow, leaf, port.name, raw[0]),
                    reference=RULE.article,
                    path=leaf.path,
                )


def _fix(flow: Flow, leaf: Leaf, port: str, time: str) -> Fix | None:
    """Put sinusoids in the place of whatever made the number a feature, where both stand in the main definition."""
    definition = leaf.frame.definition
    if len(leaf.key) > 1 or origins(flow, leaf, port, _THROUGH):
        return None
    node, place = fresh(definition, "embed"), {"definition": definition.name}
    return Fix(
        f"Embed {time} as sinusoids",
        (
            {"op": "add", **place, "node": node, "call": "TimestepEmbedding", "params": {"dim": 256}},
            {"op": "connect", **place, "source": time, "target": f"{node}.t"},
            {"op": "connect", **place, "source": f"{node}.out", "target": f"{leaf.call.node.id}.{port}"},
        ),
    )


def _timed(time: dict[str, object], port: str) -> examples.Document:
    return examples.convolutional(
        {
            "time": time,
            "fc": {"call": "Linear", "params": {"out_features": 16}},
            "add": {"call": "AddEmbedding"},
        },
        [("t", f"time.{port}"), ("time.out", "fc.x"), ("h.out", "add.x"), ("fc.out", "add.embedding")],
        "add.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _timed({"call": "Unsqueeze", "params": {"axis": 1}}, "x")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _timed({"call": "TimestepEmbedding", "params": {"dim": 16}}, "t")
