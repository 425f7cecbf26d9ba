"""Peak activation memory of a forward pass without gradients: values live until their last use."""

from collections import Counter
from collections.abc import Callable

from designer.shapes.frame import Call, Frame
from designer.shapes.values import Stack, Tensor, Value

Numel = Callable[[Tensor], int]


def forward_peak(frame: Frame, numel: Numel) -> int:
    """Return the largest number of elements alive at once, inputs included.

    A value lives from the node that makes it to the last node that reads it; inside a called definition its
    own values add to those that the caller keeps. Work space of single operators is not counted.
    """
    inputs = sum(_elements(value, numel) for value in frame.inputs.values() if value is not None)
    return inputs + _Peak(numel).frame(frame)


class _Peak:
    """Peaks of frames, shared ones computed once."""

    def __init__(self, numel: Numel) -> None:
        self.numel = numel
        self.seen: dict[int, int] = {}

    def frame(self, frame: Frame) -> int:
        if id(frame) not in self.seen:
            self.seen[id(frame)] = self._walk(frame)
        return self.seen[id(frame)]

    def _walk(self, frame: Frame) -> int:
        definition = frame.definition
        sources = definition.sources
        readers = Counter(sources[f"{name}.{port}"] for name in frame.live for port in frame.read_ports(name))
        readers.update(port.source for port in definition.outputs)
        alive: dict[str, int] = {}
        peak = 0
        for name in definition.order:
            call = frame.calls.get(name)
            if name not in frame.live or call is None:
                continue
            made = self._made(name, call) if call.active else {}
            peak = max(peak, sum(alive.values()) + max(sum(made.values()), self._inside(call)))
            alive |= {end: size for end, size in made.items() if readers[end] > 0}
            for port in frame.read_ports(name):
                source = sources[f"{name}.{port}"]
                readers[source] -= 1
                if readers[source] == 0:
                    alive.pop(source, None)
        return max(peak, sum(alive.values()))

    def _made(self, name: str, call: Call) -> dict[str, int]:
        values = {f"{name}.{port}": value for port, value in call.outputs.items()}
        values |= {f"{name}.{port}[]": value for port, value in call.stacks.items()}
        return {end: _elements(value, self.numel) for end, value in values.items() if value is not None}

    def _inside(self, call: Call) -> int:
        return max((self.frame(one.frame) for one in call.iterations if one.frame is not None), default=0)


def _elements(value: Value, numel: Numel) -> int:
    """How many elements; of a list from outside, whose length is not known, those of one tensor."""
    if isinstance(value, Stack):
        return sum(numel(item) * (count if isinstance(count, int) else 1) for item, count in value.runs)
    return numel(value)
