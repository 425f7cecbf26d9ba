"""Memory of a design without running it: most bytes alive at once, in inference and over a training step.

A storage lives from the operator that makes it to the last operator that needs it: the last that reads it and,
in training, the backward of the first that keeps it. Gradients live from the backward of the last reader to
that of the maker. A checkpointed call keeps only what goes into it and makes the rest again in its backward.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from operator import add

from designer.kept import kept
from designer.memory.recorder import record
from designer.memory.tape import Operator, Tape

__all__ = ["Inference", "Training", "inference", "record", "training"]


@dataclass(frozen=True)
class Inference:
    """Bytes of a forward pass without gradients: the peak, and the most alive while each node runs."""

    peak: int
    nodes: dict[str, int]


@dataclass(frozen=True)
class Training:
    """Bytes of a training step beside weights and optimizer.

    `activations` is the most alive at once of values and their gradients, `peak` with the gradients of the
    weights made so far, `gradients` those of all weights. `nodes` is what each node has kept when backward starts.
    """

    activations: int
    peak: int
    gradients: int
    nodes: dict[str, int]


class _Line:
    """Bytes alive over the steps of a run, as differences between one step and the next."""

    def __init__(self, steps: int) -> None:
        self.changes = [0] * (steps + 1)

    def add(self, size: int, first: int, last: int) -> None:
        self.changes[first] += size
        self.changes[last + 1] -= size

    def alive(self) -> list[int]:
        return list(accumulate(self.changes[:-1]))


def inference(tape: Tape) -> Inference:
    """Return the memory of a forward pass without gradients, inputs included and weights not."""
    steps = max(len(tape.operators), 1)
    line = _Line(steps)
    last = _last_reads(tape)
    for one in tape.inputs:
        line.add(tape.sizes[one], 0, steps - 1)
    for index, operator in enumerate(tape.operators):
        line.add(operator.work, index, index)
        for one in operator.makes:
            line.add(tape.sizes[one], index, last.get(one, index))
    alive = line.alive()
    nodes: dict[str, int] = {}
    for operator, size in zip(tape.operators, alive, strict=False):
        nodes[operator.node] = max(size, nodes.get(operator.node, 0))
    return Inference(max(alive), nodes)


def training(tape: Tape, choice: int = 0) -> Training:
    """Return the memory of a training step: forward, squared errors against targets, backward.

    `choice` is which of the recorded choices of checkpoints holds.
    """
    return _Step(tape, choice).measure()


@kept
def _last_reads(tape: Tape) -> Mapping[int, int]:
    """The last operator in whose run each storage is needed: by it, by a call around it, or by the caller."""
    last = dict(tape.until)
    for index, operator in enumerate(tape.operators):
        for one in (*operator.reads, *operator.makes):
            last[one] = max(index, last.get(one, 0))
    last.update(dict.fromkeys((*tape.inputs, *tape.outputs), len(tape.operators) - 1))
    return last


@dataclass
class _Step:
    """A training step of n operators: operator i runs forward at step i and backward at step 2n - 1 - i."""

    tape: Tape
    choice: int
    line: _Line = field(init=False)
    weights: _Line = field(init=False)
    kept: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.count = max(len(self.tape.operators), 1)
        self.line, self.weights = _Line(2 * self.count), _Line(2 * self.count)
        self.last = _last_reads(self.tape)
        self.segments = [operator.segments[self.choice] for operator in self.tape.operators]
        self.ends = {segment: index for index, segment in enumerate(self.segments)}
        self.makers = {one: index for index, one in self._made()}

    def _made(self) -> Iterable[tuple[int, int]]:
        return ((i, one) for i, operator in enumerate(self.tape.operators) for one in operator.makes)

    def back(self, index: int) -> int:
        return 2 * self.count - 1 - index

    def measure(self) -> Training:
        for one in self.tape.inputs:
            self.line.add(self.tape.sizes[one], 0, 2 * self.count - 1)
        for one in self.tape.outputs:  # a target for each, which the training loop holds
            self.line.add(self.tape.sizes[one], 0, 2 * self.count - 1)
        self._values()
        self._gradients()
        gradients = 0
        for index, operator in enumerate(self.tape.operators):
            self.line.add(operator.work, index, index)
            self.weights.add(operator.parameters, self.back(index), 2 * self.count - 1)
            gradients += operator.parameters
        activations, weights = self.line.alive(), self.weights.alive()
        peak = max(map(add, activations, weights))
        return Training(max(activations), peak, gradients, self.kept)

    def _values(self) -> None:
        """Storages live to their last reader, or to the backward of the first operator that keeps them."""
        keepers = self._keepers()
        for index, operator in enumerate(self.tape.operators):
            segment = self.segments[index]
            again = self.back(self.ends[segment]) if segment else index
            if segment == 0:
                self._keep(operator, operator.inside)
            self.line.add(operator.inside, again, self.back(index))
            for one in operator.makes:
                size = self.tape.sizes[one]
                outside, inside = keepers.get(one, (-1, -1))
                until = self.back(outside) if outside >= 0 else self.last[one]
                if one in self.tape.outputs:
                    until = max(until, self.count)
                self.line.add(size, index, until)
                if until >= self.count:
                    self._keep(operator, size)
                if inside >= 0 and until < again:
                    self.line.add(size, again, self.back(inside))

    def _keep(self, operator: Operator, size: int) -> None:
        self.kept[operator.node] = self.kept.get(operator.node, 0) + size

    def _keepers(self) -> dict[int, tuple[int, int]]:
        """For each storage the first operator that keeps it from the forward pass, and the first that keeps it
        when it is made again in the backward of a checkpointed call; -1 for none."""
        found: dict[int, tuple[int, int]] = {}
        starts: dict[int, int] = {}
        for index, operator in enumerate(self.tape.operators):
            segment = self.segments[index]
            start = starts.setdefault(segment, index)
            for one in operator.kept:
                outside, inside = found.get(one, (-1, -1))
                maker = self.makers.get(one)
                if segment and maker is not None and self.segments[maker] == segment:
                    inside = index if inside < 0 else inside
                else:
                    outside = index if outside < 0 else outside
                found[one] = outside, inside
            for one in operator.reads if segment else ():
                maker = self.makers.get(one)
                if maker is not None and maker < start:  # goes into the checkpointed call
                    outside, inside = found.get(one, (-1, -1))
                    found[one] = (start if outside < 0 else min(outside, start)), inside
        return found

    def _gradients(self) -> None:
        """The gradient of a value lives from the backward of its last reader to that of its maker."""
        readers: dict[int, int] = {}
        for index, operator in enumerate(self.tape.operators):
            if operator.differentiable:
                readers.update(dict.fromkeys(operator.reads, index))
        for index, one in self._made():
            if self.tape.learns[one]:
                if one in self.tape.outputs:
                    self.line.add(self.tape.sizes[one], self.count, self.back(index))
                elif one in readers:
                    self.line.add(self.tape.sizes[one], self.back(readers[one]), self.back(index))
