"""Tensors that a network writes in turns, such as out[..., 0::2] = a; out[..., 1::2] = b."""

from dataclasses import dataclass, field

from designer.shapes.functions import Axes
from designer.sources.graph import emit
from designer.sources.graph.reshape import InexpressibleError, reshape
from designer.sources.graph.trace import Scope, Trace


@dataclass
class Blank:
    """A tensor without values yet: every `step`-th item of one axis is written by one value."""

    shape: Axes
    axis: int = 0
    step: int = 0
    parts: dict[int, str] = field(default_factory=dict)

    def write(self, axis: int, start: int, step: int, value: str) -> None:
        """Remember what is written from `start` on. Raises InexpressibleError for other than turns on one axis."""
        if self.parts and (axis, step) != (self.axis, self.step):
            raise InexpressibleError("it is written along several axes")
        self.axis, self.step = axis, step
        self.parts[start] = value

    def joined(self, trace: Trace, scope: Scope) -> str:
        """Return the whole: the parts side by side, item by item."""
        if not self.parts or sorted(self.parts) != list(range(self.step)):
            raise InexpressibleError("not all of it is written")
        apart = []
        for _, value in sorted(self.parts.items()):
            have, axis = trace.axes[value], self.axis + 1
            axes = [*have[:axis], 1, *have[axis:]]
            apart.append(trace.emit("Unsqueeze", scope, {"x": value}, axes, axis=axis))
        return reshape(trace, scope, emit.concat(trace, scope, apart, self.axis + 1), self.shape)


@dataclass
class Window:
    """The items of a blank tensor that the next value is written to."""

    blank: Blank
    axis: int
    start: int
    step: int
