"""How scripts call a rendered network: names, shapes at the design's training size, example inputs, the call itself."""

import json
from dataclasses import dataclass
from typing import Any

from designer import expressions
from designer.errors import UserError
from designer.plan.model import call
from designer.targets import Made
from designer.targets.process import ProcessView
from designer.train.inputs import SAMPLE_ROLES, InputSpec, sample_index, sample_shape

_TOKENS = 16  # of a sequence whose length nothing fixes
_LEVEL_ROLES = ("timestep", "sigma")
_UNSUPPORTED = ("frozen", "conditioning_channels", "channel_weights", "channel_weighting", "kl_weight")


@dataclass(frozen=True)
class InputView:
    """One input: its name, role, shape without the batch, whether it has a batch axis, the role of its values."""

    name: str
    role: str
    shape: tuple[int, ...]
    batched: bool
    integer: bool

    @property
    def example(self) -> str:
        """An expression for an example of batch 2."""
        shape = ", ".join(map(str, (2, *self.shape) if self.batched else self.shape))
        if self.integer:
            return f"torch.zeros({shape}, dtype=torch.int64)"
        return f"torch.ones({shape})" if self.role in ("mask", *_LEVEL_ROLES) else f"torch.randn({shape})"

    @property
    def axes(self) -> str:
        """An expression for its dynamic axes."""
        return "{0: batch}" if self.batched else "{}"


@dataclass(frozen=True)
class NetworkView:
    """A network whose first input with such a role is the noisy sample."""

    class_name: str
    inputs: tuple[InputView, ...]
    sample: InputView
    told: str
    classes: dict[str, int]
    channels: int | None
    axis: int
    outputs: tuple[str, ...]

    @property
    def data(self) -> list[InputView]:
        """The inputs that come from data: all but the level of noise."""
        return [one for one in self.inputs if one.role not in _LEVEL_ROLES]

    @property
    def masks(self) -> list[str]:
        """The names of masks."""
        return [one.name for one in self.inputs if one.role == "mask"]

    def call_lines(self, process: ProcessView) -> tuple[str, ...]:
        """Return the lines that call the network and return what it predicts."""
        arguments = [self._argument(one, process) for one in self.inputs]
        result = "Tensor" if len(self.outputs) == 1 else "tuple[Tensor, ...]"
        first = "output" if len(self.outputs) == 1 else "output[0]"
        if self.channels is not None:
            first += f".narrow({self.axis}, 0, {self.channels})"
        return (
            *call(f"output: {result} = ", "model", arguments, 4).split("\n    "),
            f"return {first}, output[1]" if process.uncertainty else f"return {first}",
        )

    def _argument(self, one: InputView, process: ProcessView) -> str:
        if one is self.sample:
            return process.network_input
        if one.role in _LEVEL_ROLES:
            return process.told
        return f"given[{quoted(one.name)}]" + ("" if one.batched else "[0]")


def network_view(made: Made) -> NetworkView:
    """Return the view. Raises UserError for a design that the scripts of a target cannot train."""
    training = made.design.training
    asked = [name for name in _UNSUPPORTED if training.get(name)]
    if asked:
        raise UserError(f"targets other than torch do not write training with {', '.join(asked)}")
    specs = [InputSpec(one.name, one.role, one.shape, one.dtype) for one in made.inputs]
    index = sample_index(specs)
    if specs[index].role not in SAMPLE_ROLES:
        raise UserError(f"targets other than torch need a noisy sample; {specs[index].name!r} is clean")
    levels = [one.role for one in specs if one.role in _LEVEL_ROLES]
    if len(levels) > 1:
        raise UserError(f"targets other than torch tell one level of noise; the design has {len(levels)}")
    shape = sample_shape(specs, training)
    batch = specs[index].shape[0]
    sizes = dict(zip(map(str, specs[index].shape[1:]), shape, strict=True))
    inputs = tuple(_input(one, batch, sizes) for one in specs)
    integers = [one.name for one in inputs if one.integer]
    axis = int(training.get("channel_axis", 1))
    predicted = made.outputs[0].shape
    wide = axis < len(predicted) and predicted[axis] != shape[axis - 1] and isinstance(predicted[axis], int)
    return NetworkView(
        made.plan.main,
        inputs,
        inputs[index],
        levels[0] if levels else "timestep",
        dict.fromkeys(integers, int(training.get("num_classes", 1))),
        shape[axis - 1] if wide else None,
        axis,
        tuple(one.name for one in made.outputs),
    )


def _input(spec: InputSpec, batch: int | str, sizes: dict[str, int]) -> InputView:
    batched = spec.shape[:1] == (batch,)
    shape = tuple(_size(size, sizes) for size in (spec.shape[1:] if batched else spec.shape))
    return InputView(spec.name, spec.role, shape, batched, spec.dtype.startswith("int"))


def _size(size: int | str, sizes: dict[str, int]) -> int:
    if isinstance(size, int):
        return size
    names: dict[str, Any] = {name: sizes.get(name, _TOKENS) for name in expressions.names(size)}
    return int(expressions.evaluate(size, names))


def quoted(text: str) -> str:
    """Return text as a literal that Python, TOML and JSON read alike."""
    return json.dumps(text, ensure_ascii=True)
