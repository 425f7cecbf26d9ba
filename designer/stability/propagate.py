"""The walk: every call of every iteration in order, with the second moment on each edge."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from designer.document import Definition
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.repeat import carried
from designer.shapes.values import Stack, Tensor, Value
from designer.spec import BlockSpec
from designer.stability.blocks import moments_of

MAX_VISITS = 200_000
Moment = float | list[float]  # of a tensor, or of each tensor of a stack


@dataclass(frozen=True)
class Fusion:
    """Where a long skip meets the trunk: its node and ρ_act = rms(skip) / rms(trunk)."""

    node: str
    ratio: float


@dataclass
class Prediction:
    """`rms` of the first output of each block call, by its path of calls ("blocks.3.attn"); skip `fusions`."""

    rms: dict[str, float] = field(default_factory=dict)
    fusions: list[Fusion] = field(default_factory=list)
    outputs: dict[str, float] = field(default_factory=dict)

    @property
    def largest(self) -> float:
        """The largest rms of any block call."""
        return max(self.rms.values(), default=0.0)


def predict(frame: Frame) -> Prediction:
    """Return what the network's values are like at initialisation. The frame must be without errors."""
    walk = _Walk()
    inputs = {name: _unit(value) for name, value in frame.inputs.items()}
    outputs = walk.frame(frame, inputs, ())
    walk.found.outputs = {name: math.sqrt(_mean(value)) for name, value in outputs.items()}
    return walk.found


def _unit(value: Value | None) -> Moment:
    if isinstance(value, Stack):
        return [1.0] * sum(count if isinstance(count, int) else 1 for _, count in value.runs)
    return 1.0


def _mean(value: Moment) -> float:
    return sum(value) / max(len(value), 1) if isinstance(value, list) else value


class _Walk:
    def __init__(self) -> None:
        self.found = Prediction()
        self.visits = 0

    def frame(self, frame: Frame, inputs: Mapping[str, Moment], path: tuple[str, ...]) -> dict[str, Moment]:
        values: dict[str, Moment] = dict(inputs)
        for name, call in frame.calls.items():
            if name in frame.live:
                self._call(frame, call, values, (*path, name))
        return {port.name: values.get(port.source, 1.0) for port in frame.definition.outputs}

    def _call(self, frame: Frame, call: Call, values: dict[str, Moment], path: tuple[str, ...]) -> None:
        name, sources = call.node.id, frame.definition.sources
        arriving = {
            port.name: values.get(sources[f"{name}.{port.name}"], 1.0)
            for port in call.target.inputs
            if f"{name}.{port.name}" in sources
        }
        ports = [port.name for port in call.target.outputs]
        if not call.active or not call.iterations:
            values[f"{name}.{ports[0]}"] = next(iter(arriving.values()), 1.0)
            return
        history: dict[str, list[Moment]] = {port: [] for port in ports}
        links = carried(call.target)
        popped = _popped(call, arriving)
        for index, iteration in enumerate(call.iterations):
            step = (*path, str(index)) if call.node.repeat is not None else path
            for port, stack in popped.items():
                arriving[port] = stack[-1 - index] if index < len(stack) else 1.0
            made = self._iteration(call, iteration, arriving, step)
            for port, moment in made.items():
                history[port].append(moment)
                if port in links and call.node.repeat is not None:
                    arriving[links[port]] = moment
        for port, moments in history.items():
            if moments:
                values[f"{name}.{port}"] = moments[-1]
                values[f"{name}.{port}[]"] = [_mean(one) for one in moments]

    def _iteration(
        self, call: Call, iteration: Iteration, arriving: Mapping[str, Moment], path: tuple[str, ...]
    ) -> dict[str, Moment]:
        self.visits += 1
        if iteration.frame is not None and isinstance(call.target, Definition):
            if self.visits > MAX_VISITS:
                return {port.name: 1.0 for port in call.target.outputs}
            return self.frame(iteration.frame, arriving, path)
        assert isinstance(call.target, BlockSpec)
        self._note_fusion(call, arriving, path)
        made = _stacked(call.target, arriving)
        if made is None:
            single = {name: _mean(moment) for name, moment in arriving.items()}
            made = {**moments_of(call.target, iteration, single, call.inputs)}
        first = next(iter(made.values()), 1.0)
        self.found.rms[".".join(path)] = math.sqrt(_mean(first))
        return made

    def _note_fusion(self, call: Call, arriving: Mapping[str, Moment], path: tuple[str, ...]) -> None:
        """Where exactly one of two streams that are joined has the role of a skip."""
        assert isinstance(call.target, BlockSpec)
        if not {"add", "concat", "fusion"} & set(call.target.tags) or len(arriving) < 2:
            return
        roles = {name: value.role for name, value in call.inputs.items() if isinstance(value, Tensor)}
        skips = [name for name, role in roles.items() if role == "skip"]
        trunks = [name for name, role in roles.items() if role != "skip"]
        if len(skips) == 1 and trunks:
            skip, trunk = _mean(arriving[skips[0]]), _mean(arriving[trunks[0]])
            self.found.fusions.append(Fusion(".".join(path), math.sqrt(skip / trunk) if trunk else math.inf))


def _popped(call: Call, arriving: Mapping[str, Moment]) -> dict[str, list[float]]:
    """The stacks that a repeat hands out one by one."""
    stacked = {port.name for port in call.target.inputs if port.stack}
    if call.node.repeat is None:
        return {}
    return {
        name: value for name, value in arriving.items() if isinstance(value, list) and name not in stacked
    }


def _stacked(spec: BlockSpec, arriving: Mapping[str, Moment]) -> dict[str, Moment] | None:
    """What a block that builds a stack puts out: the tensors in their order."""
    if not any(port.stack for port in spec.outputs):
        return None
    items: list[float] = []
    for value in arriving.values():
        items += value if isinstance(value, list) else [value]
    return {port.name: list(items) for port in spec.outputs}
