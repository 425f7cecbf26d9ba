"""The two sweeps over the tape: second moments from the inputs to the output, those of gradients back."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from designer.shapes.frame import Frame
from designer.shapes.values import SAMPLES, Tensor
from designer.stability.backward import gradients_of
from designer.stability.forward import states_of
from designer.stability.gains import starts_at_zero
from designer.stability.state import NOTHING, UNIT, Level, Site, State
from designer.stability.unroll import Step, Tape, unroll

OPERATING_POINT = {"N": 77, "T": 8, "H": 32, "W": 32}
_FUSIONS = frozenset({"add", "concat", "fusion"})
_ENDS = frozenset({"linear", "conv", "norm", "attention"})


@dataclass(frozen=True)
class Fusion:
    """Where a long skip meets the trunk: the path of the node, ρ_act = rms(skip) / rms(trunk), its place."""

    node: str
    ratio: float
    place: str = ""


def predict(frame: Frame, at: Mapping[str, int] | None = None, level: Level | None = None) -> "Prediction":
    """Return what the network is like at initialisation. The frame must be without errors."""
    samples = {port.name for port in frame.definition.inputs if port.role in SAMPLES}
    return Prediction(unroll(frame, {**OPERATING_POINT, **(at or {})}), samples, level or Level())


class Prediction:
    """What is known of a network at initialisation, each part worked out when it is asked for.

    `rms` and `gradients` are those of the first output of each call, of blocks and definitions, by its path of
    calls ("blocks.3.attn"). Gradients are relative to that at the output, each of whose numbers gets one of unit
    variance; last layers that start at 0 (`moved`) stand at torch's default start for them, or all would be 0.
    """

    def __init__(self, tape: Tape, samples: Iterable[str], level: Level) -> None:
        self.tape, self.level, self._samples = tape, level, frozenset(samples)

    def at(self, level: Level) -> "Prediction":
        """The same network at another noise level."""
        return Prediction(self.tape, self._samples, level)

    # -- forward ------------------------------------------------------------------------------------------

    @cached_property
    def states(self) -> list[State]:
        """The state of each value of the tape."""
        tape = self.tape
        states = [self._start(shape) for shape in tape.shapes]
        for name in self._samples:
            for value in tape.inputs.get(name, ()):
                states[value] = states[value].times(self.level.input)
        for step in tape.steps:
            if step.call is None:
                states[step.outputs["x"][0]] = states[step.inputs["x"][0]]
                continue
            stacked = any(port.stack for port in step.spec.outputs)
            for port, made in _pushed(step, states) if stacked else self._made(step, states):
                for value, state in zip(step.outputs[port], made, strict=False):
                    states[value] = state
        return states

    @staticmethod
    def _start(shape: tuple[int, ...] | None) -> State:
        return UNIT if shape is None or len(shape) > 2 else State(1.0, 1.0)

    def _made(self, step: Step, states: list[State]) -> Iterator[tuple[str, list[State]]]:
        for port, state in states_of(self.site(step, states)).items():
            yield port, [state] * len(step.outputs[port])

    def site(self, step: Step, states: list[State], moved: bool = False) -> Site:
        """One step as the rules of blocks see it."""
        assert step.block is not None
        inputs = {
            port: states[refs[0]] if len(refs) == 1 else _mean([states[one] for one in refs])
            for port, refs in step.inputs.items()
        }
        return Site(step.block, inputs, self.level, moved)

    @cached_property
    def rms(self) -> dict[str, float]:
        """The rms of the first output of each call."""
        return {path: math.sqrt(self.states[value].q) for path, value in self._firsts.items()}

    @cached_property
    def _firsts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for made in self.tape.made:
            found.setdefault(made.path, made.value)
        return found

    @property
    def largest(self) -> float:
        """The largest rms of any call, without lone numbers such as a log-SNR."""
        shapes = self.tape.shapes
        found = (self.states[one].q for one in self._firsts.values() if len(shapes[one] or (1, 1)) > 1)
        return math.sqrt(max(found, default=0.0))

    @property
    def outputs(self) -> dict[str, float]:
        """The rms of each output of the network."""
        ends = self.tape.outputs.items()
        return {name: math.sqrt(_mean([self.states[one] for one in refs]).q) for name, refs in ends}

    @cached_property
    def repeats(self) -> dict[str, list[int]]:
        """The first output of each call of each repeat that is called more than once, by path without index."""
        found: dict[str, list[int]] = {}
        for path, value in self._firsts.items():
            stem, _, index = path.rpartition(".")
            if index.isdigit():
                found.setdefault(stem, []).append(value)
        return {stem: values for stem, values in found.items() if len(values) > 1}

    @cached_property
    def places(self) -> dict[str, str]:
        """The place of each repeat, by path without index."""
        return {made.path.rpartition(".")[0]: made.place for made in self.tape.made}

    @cached_property
    def growth(self) -> dict[str, float]:
        """Of each repeat, the largest rms over that behind its first call."""
        found = {}
        for stem, values in self.repeats.items():
            first, *rest = (self.states[value].q for value in values)
            found[stem] = math.sqrt(max(rest) / first) if first > 0 else 1.0
        return found

    @cached_property
    def fusions(self) -> list[Fusion]:
        """Where exactly one of two streams that are joined has the role of a skip."""
        return [found for step in self.tape.steps for found in self._fusion(step)]

    def _fusion(self, step: Step) -> Iterator[Fusion]:
        if step.call is None or len(step.inputs) < 2 or not _FUSIONS & set(step.spec.tags):
            return
        values = step.call.inputs.items()
        roles = {name: value.role for name, value in values if isinstance(value, Tensor)}
        skips = [name for name, role in roles.items() if role == "skip"]
        trunks = [name for name, role in roles.items() if role != "skip"]
        if len(skips) == 1 and trunks:
            skip, trunk = (
                _mean([self.states[one] for one in step.inputs[name]]).q for name in (skips[0], trunks[0])
            )
            yield Fusion(step.path, math.sqrt(skip / trunk) if trunk else math.inf, step.place)

    # -- backward -----------------------------------------------------------------------------------------

    @cached_property
    def last_layers(self) -> list[Step]:
        """The layers that start at 0 and stand last on the way to an output."""
        maker = {value: step for step in self.tape.steps for refs in step.outputs.values() for value in refs}
        todo = [value for refs in self.tape.outputs.values() for value in refs]
        seen, found = set(todo), []
        while todo:
            step = maker.get(todo.pop())
            if step is None:
                continue
            if step.call is not None:
                if starts_at_zero(self.site(step, self.states)):
                    found.append(step)
                    continue
                if _ENDS & set(step.spec.tags):
                    continue
            fresh = [one for refs in step.inputs.values() for one in refs if one not in seen]
            seen.update(fresh)
            todo += fresh
        return found

    @property
    def moved(self) -> tuple[str, ...]:
        """The last layers that start at 0, by path."""
        return tuple(sorted({step.path for step in self.last_layers}))

    @cached_property
    def _swept(self) -> tuple[list[State], dict[str, list[State]]]:
        """The gradient at each value, and at each edge for each time that it is passed."""
        tape, states = self.tape, self.states
        moved = {id(step) for step in self.last_layers}
        gradients, edges = [NOTHING] * len(tape.shapes), dict[str, list[State]]()
        for refs in tape.outputs.values():
            for value in refs:
                gradients[value] = UNIT
        for step in reversed(tape.steps):
            for port, found in self._back(step, states, gradients, id(step) in moved).items():
                refs = step.inputs[port]
                edges.setdefault(step.edges[port], []).append(_mean(found))
                for value, gradient in zip(refs, found, strict=True):
                    gradients[value] = gradients[value] + gradient
        return gradients, edges

    def _back(
        self, step: Step, states: list[State], gradients: list[State], moved: bool
    ) -> dict[str, list[State]]:
        made = {port: [gradients[one] for one in refs] for port, refs in step.outputs.items()}
        if step.call is None:
            return made
        if any(port.stack for port in step.spec.outputs):
            return _popped(step, next(iter(made.values())))
        after = {port: states[refs[0]] for port, refs in step.outputs.items() if refs}
        arriving = {port: _mean(one) for port, one in made.items()}
        found = gradients_of(self.site(step, states, moved), after, arriving)
        return {port: [found.get(port, NOTHING)] * len(refs) for port, refs in step.inputs.items()}

    @cached_property
    def gradients(self) -> dict[str, float]:
        """The rms of the gradient at the first output of each call."""
        return {path: math.sqrt(self._swept[0][value].q) for path, value in self._firsts.items()}

    @cached_property
    def gradient_ratios(self) -> dict[str, float]:
        """Of each repeat, the gradient at its last call over the smallest; where one is 0, it is left out."""
        found = {}
        for stem, values in self.repeats.items():
            gradients = [self.gradient_states[value].q for value in values]
            if min(gradients) > 0:
                found[stem] = math.sqrt(gradients[-1] / min(gradients))
        return found

    @property
    def gradient_states(self) -> list[State]:
        """The gradient at each value of the tape."""
        return self._swept[0]

    @property
    def edges(self) -> dict[str, list[State]]:
        """The gradient that comes back along each edge, last pass first."""
        return self._swept[1]


def _mean(states: list[State]) -> State:
    if len(states) == 1:
        return states[0]
    return sum((one.times(1 / len(states)) for one in states), NOTHING)


def _pushed(step: Step, states: list[State]) -> Iterator[tuple[str, list[State]]]:
    """What a block that builds a stack puts out: the tensors in their order."""
    items = [states[one] for refs in step.inputs.values() for one in refs]
    for port in step.outputs:
        yield port, items


def _popped(step: Step, gradients: list[State]) -> dict[str, list[State]]:
    """The gradients of a stack, handed back to the inputs that it was built from."""
    found, start = {}, 0
    for port, refs in step.inputs.items():
        found[port] = [*gradients[start : start + len(refs)], *[NOTHING] * len(refs)][: len(refs)]
        start += len(refs)
    return found
