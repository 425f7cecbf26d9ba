"""G014: a branch with a zero gate and a zero last layer never starts to learn."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext
from designer.shapes.frame import Call, Frame
from designer.spec import BlockSpec

RULE = Rule(
    code="G014",
    title="Double zero",
    severity="error",
    family="gating",
    what="A product of a gate that starts at 0 and a branch whose last layer starts at 0.",
    why="The gradient of each factor is the other factor: both are exactly 0, in every step (measured: 3 of 3 seeds).",
    example="AdaLN-Zero gating an MLP whose last Linear has init=zero.",
    instead="Keep exactly one of the two zeros.",
    article="10.3",
    reference="Bachlechner et al. 2020, arXiv:2003.04887; Peebles & Xie 2023, arXiv:2212.09748",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """For each product of two tensors, follow both factors back to what makes them zero at the start."""
    for place, frame, call in context.calls():
        if call.target.name != "GateTokens":
            continue
        sources = frame.definition.sources
        gate = _zero(frame, sources.get(f"{call.node.id}.gate", ""))
        branch = _zero(frame, sources.get(f"{call.node.id}.x", ""))
        if gate and branch:
            yield Diagnostic(
                RULE.code,
                "error",
                f"{gate} and {branch} both start at 0, so this branch can never start to learn; keep one of the two",
                place,
                received=f"{gate}, {branch}",
                expected="one zero initialisation",
                reference=RULE.article,
            )


def _zero(frame: Frame, endpoint: str) -> str:
    """Name the node that makes the value at an endpoint zero at initialisation, or ""."""
    call = frame.calls.get(endpoint.partition(".")[0])
    if call is None or not call.iterations:
        return ""
    if isinstance(call.target, BlockSpec):
        return call.node.id if call.target.stability.zero_init or _zero_parameter(call) else ""
    inner = call.iterations[-1].frame
    port = endpoint.partition(".")[2]
    source = next((one.source for one in call.target.outputs if one.name == port), "")
    found = _zero(inner, source) if inner else ""
    return f"{call.node.id}/{found}" if found else ""


def _zero_parameter(call: Call) -> bool:
    return call.iterations[-1].params.get("init") == "zero"
