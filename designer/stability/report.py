"""What is predicted of a design, as plain JSON values by the places that people see: nodes, edges, stacks, fusions.

A place that many calls pass has the quadratic mean over them, with the least and the most.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from designer.document import Design
from designer.shapes.values import Tensor
from designer.stability.levels import levels_of
from designer.stability.propagate import Prediction, predict
from designer.stability.state import Level
from designer.stability.unroll import MAX_STEPS, Step
from designer.summary import operating_point

if TYPE_CHECKING:
    from designer.check import CheckReport

FP16_MAX, DEVIATIONS, BF16_STEP = 65504.0, 6.0, 2.0**-8


@dataclass(frozen=True)
class Spread:
    """An rms over the calls of one place."""

    rms: float
    low: float
    high: float

    @classmethod
    def of(cls, moments: Iterable[float]) -> "Spread":
        """Of second moments, at least one."""
        roots = sorted(math.sqrt(one) for one in moments)
        mean = math.sqrt(sum(one * one for one in roots) / len(roots))
        return cls(min(max(mean, roots[0]), roots[-1]), roots[0], roots[-1])


def describe(
    design: Design, report: "CheckReport", at: Mapping[str, int] | None = None
) -> dict[str, Any] | None:
    """Return what is predicted of a checked design at an operating point such as {"H": 64, "W": 64}.

    None where the design has errors, or makes more calls than are followed (50,000).

    `nodes`, by "Definition/node": activation and gradient of the first output (rms, low, high; the gradient
    relative to that at the output) and, of sums, branch / trunk. `edges`, by "Definition/source->target": the
    rms of both, how often six deviations fit below the end of fp16 (`fp16`), and whether bf16 loses a branch
    that is added there (`lost`). `stacks`, `fusions` and `levels`: growth over depth and skip / trunk at eight
    noise levels. `moved`: last layers that start at 0, taken at their default start for the gradients.
    """
    if not report.ok or report.frame is None:
        return None
    point = operating_point(design, at)
    prediction = predict(report.frame, point)
    if len(prediction.tape.steps) >= MAX_STEPS:
        return None
    levels = levels_of(design.training)
    swept = [prediction.at(level) for level in levels]
    branches = _branches(prediction)
    return {
        "at": {name: point[name] for name in sorted(point)},
        "moved": list(prediction.moved),
        "largest": prediction.largest,
        "nodes": _nodes(prediction, branches),
        "edges": _edges(prediction, branches),
        "stacks": _stacks(prediction, swept),
        "fusions": _fusions(prediction, swept),
        "levels": [_level(level, one) for level, one in zip(levels, swept, strict=True)],
    }


def _nodes(prediction: Prediction, branches: Mapping[str, list["Branch"]]) -> dict[str, Any]:
    found: dict[str, list[int]] = {}
    ports: dict[str, str] = {}
    for made in prediction.tape.made:
        if ports.setdefault(made.place, made.port) == made.port:
            found.setdefault(made.place, []).append(made.value)
    states, gradients = prediction.states, prediction.gradient_states
    nodes: dict[str, Any] = {}
    for place, values in found.items():
        nodes[place] = {
            "activation": asdict(Spread.of(states[one].q for one in values)),
            "gradient": asdict(Spread.of(gradients[one].q for one in values)),
            "branch": None,
        }
        if place in branches:
            nodes[place]["branch"] = asdict(Spread.of(one.ratio**2 for one in branches[place]))
    return nodes


def _edges(prediction: Prediction, branches: Mapping[str, list["Branch"]]) -> dict[str, Any]:
    arriving: dict[str, list[float]] = {}
    for step in prediction.tape.steps:
        for port, refs in step.inputs.items():
            arriving.setdefault(step.edges[port], []).extend(prediction.states[one].q for one in refs)
    lost = {one.edge for found in branches.values() for one in found if 0 < one.ratio < BF16_STEP}
    edges = {}
    for edge, moments in arriving.items():
        gradients = [one.q for one in prediction.edges.get(edge, ())] or [0.0]
        rms = Spread.of(moments)
        edges[edge] = {
            "activation": rms.rms,
            "gradient": Spread.of(gradients).rms,
            "fp16": FP16_MAX / (DEVIATIONS * rms.high) if rms.high > 0 else None,
            "lost": edge in lost,
        }
    return edges


# -- branches against the trunk that they are added to ------------------------------------------------------


@dataclass(frozen=True)
class Branch:
    """A sum of two streams: the edge on which the branch arrives, and rms(branch) / rms(trunk)."""

    edge: str
    ratio: float


def _branches(prediction: Prediction) -> dict[str, list[Branch]]:
    """Sums of two streams of one shape by place. The trunk is the stream that took fewer steps, never a skip."""
    depth = [0] * len(prediction.tape.shapes)
    found: dict[str, list[Branch]] = {}
    for step in prediction.tape.steps:
        deepest = max((depth[one] for refs in step.inputs.values() for one in refs), default=0)
        for refs in step.outputs.values():
            for one in refs:
                depth[one] = deepest + (step.call is not None)
        ports = _streams(step, prediction)
        if len(ports) == 2:
            skips = [port for port in ports if _is_skip(step, port)]
            by_depth = sorted(ports, key=lambda port: depth[step.inputs[port][0]])
            branch = skips[0] if len(skips) == 1 else by_depth[-1]
            trunk = next(port for port in ports if port != branch)
            ratio = _ratio(prediction, step, branch, trunk)
            if ratio is not None:
                found.setdefault(step.place, []).append(Branch(step.edges[branch], ratio))
    return found


def _streams(step: Step, prediction: Prediction) -> list[str]:
    """The inputs of a sum of maps or tokens that have the shape of its output."""
    if step.call is None or "add" not in step.spec.tags:
        return []
    shapes = prediction.tape.shapes
    made = next(iter(step.outputs.values()))[0]
    size = shapes[made]
    if size is not None and len(size) <= 2:
        return []  # vectors: conditions that are joined, not a stream and its branch
    return [port for port, refs in step.inputs.items() if shapes[refs[0]] == size]


def _is_skip(step: Step, port: str) -> bool:
    value = step.call.inputs.get(port) if step.call is not None else None
    return isinstance(value, Tensor) and value.role == "skip"


def _ratio(prediction: Prediction, step: Step, branch: str, trunk: str) -> float | None:
    above, below = (prediction.states[step.inputs[port][0]].q for port in (branch, trunk))
    return math.sqrt(above / below) if below > 0 else None


# -- over depth and over noise levels -----------------------------------------------------------------------


def _stacks(prediction: Prediction, swept: list[Prediction]) -> list[dict[str, Any]]:
    """Growth of what each repeat carries, and the gradient at its last call against the smallest."""
    return [
        {
            "path": path,
            "place": prediction.places[path],
            "depth": len(values),
            "growth": prediction.growth[path],
            "growth_at_levels": [one.growth[path] for one in swept],
            "gradient_ratio": prediction.gradient_ratios.get(path),
        }
        for path, values in prediction.repeats.items()
    ]


def _fusions(prediction: Prediction, swept: list[Prediction]) -> list[dict[str, Any]]:
    levels = [[one.ratio for one in prediction_.fusions] for prediction_ in swept]
    return [
        {
            "path": one.node,
            "place": one.place,
            "ratio": _finite(one.ratio),
            "ratio_at_levels": [_finite(level[index]) for level in levels],
        }
        for index, one in enumerate(prediction.fusions)
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _level(level: Level, prediction: Prediction) -> dict[str, float]:
    return {
        "log_snr": level.log_snr,
        "input": math.sqrt(level.input),
        "largest": prediction.largest,
        "output": next(iter(prediction.outputs.values()), 0.0),
    }
