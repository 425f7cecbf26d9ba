"""A019: a skip is weighed alike at every noise level."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import fresh
from designer.rules import Rule, RuleContext, examples
from designer.rules.a020_reversed_snr_gate import gated
from designer.rules.g013_schedule_of_gate import BLOCKS
from designer.rules.skip_gates import SkipGate, skip_gates

RULE = Rule(
    code="A019",
    title="Skip weight without the noise level",
    severity="info",
    family="advice",
    effect=0.0,
    what="A long skip is weighed by a number that is the same at every timestep.",
    why="What a skip carries is noise at high noise levels and detail at low ones. Measured: losses equal to a constant of .5, "
    "the largest activation 3–5 against 22–29.",
    example="ConstantGate into Weigh of a skip.",
    instead="SNRGate, of the log-SNR of the design's schedule.",
    article="4, 5.2",
    reference="Kingma et al. 2021, arXiv:2107.00630",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at what weighs each skip: a prescribed gate that follows the level alone."""
    for one in skip_gates(context.flow):
        gate = one.gate.spec.gate
        if gate and gate.sources == ("level",) and not gate.learned and not one.gate.has("inference_only"):
            yield Diagnostic(
                RULE.code,
                "info",
                f"{one.gate.place} weighs the skip alike at every noise level; an SNR gate closes it where it carries noise",
                one.product.place,
                one.port,
                received=one.gate.spec.name,
                expected="a gate that follows the noise level",
                fix=_fix(context, one),
                reference=RULE.article,
                path=one.product.path,
            )


def _fix(context: RuleContext, one: SkipGate) -> Fix | None:
    """Put an SNR gate in the gate's place, where the time is at hand: in the main definition."""
    main, schedule = context.design.main_definition, context.design.training.get("schedule")
    time = next((port.name for port in main.inputs if port.role in ("timestep", "sigma")), None)
    block = BLOCKS.get(schedule) if isinstance(schedule, str) else None
    stream = main.sources.get(f"{one.product.call.node.id}.{one.product.spec.inputs[0].name}")
    if len(one.gate.key) > 1 or len(one.product.key) > 1 or not (time and block and stream):
        return None
    node, place = fresh(main, "log_snr"), {"definition": main.name}
    gate = one.gate.call.node.id
    return Fix(
        "Weigh the skip by the signal-to-noise ratio",
        (
            {"op": "add", **place, "node": node, "call": block},
            {
                "op": "connect",
                **place,
                "source": time,
                "target": f"{node}.{'sigma' if block == 'LogSNRSigma' else 't'}",
            },
            {"op": "call", **place, "node": gate, "call": "SNRGate"},
            {"op": "connect", **place, "source": stream, "target": f"{gate}.x"},
            {"op": "connect", **place, "source": f"{node}.log_snr", "target": f"{gate}.log_snr"},
        ),
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    nodes = {
        "gate": {"call": "ConstantGate", "params": {"value": 0.5}},
        "weigh": {"call": "Weigh"},
        "fuse": {"call": "Add"},
    }
    edges = [("skip", "weigh.x"), ("gate.out", "weigh.w"), ("x", "fuse.a"), ("weigh.out", "fuse.b")]
    return examples.skip_fusion(nodes, edges, "fuse.out")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return gated(1.0)
