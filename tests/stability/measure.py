"""Predicted and measured rms of activations and gradients at initialisation, module by module."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from designer.check import check
from designer.presets import Preset
from designer.render import load_model, render
from designer.stability import Prediction, predict
from designer.train.inputs import Caller, InputSpec, sample_index, sample_shape

SEEN = 1e-8  # below this a measured value counts as 0


@dataclass(frozen=True)
class Pair:
    """One module: its path, the rms that was predicted, the rms that was measured."""

    path: str
    predicted: float
    measured: float

    @property
    def log_error(self) -> float:
        """|ln(predicted / measured)|."""
        return abs(math.log(self.predicted / self.measured))


@dataclass(frozen=True)
class Comparison:
    """The modules of one preset: activations, gradients, those where only one side says 0, how often both do."""

    activations: list[Pair]
    gradients: list[Pair]
    unlike: list[str]
    silent: int


def together(found: list[Comparison]) -> Comparison:
    """Return the modules of several presets as one comparison."""
    return Comparison(
        [pair for one in found for pair in one.activations],
        [pair for one in found for pair in one.gradients],
        [path for one in found for path in one.unlike],
        sum(one.silent for one in found),
    )


def compare(preset: Preset, batch: int = 4) -> Comparison:
    """Run a preset once on unit noise, forward and back, and pair each module with what is predicted of it."""
    frame = check(preset.design).frame
    assert frame is not None
    prediction = predict(frame, point_of(preset))
    activations, gradients = measure(preset, prediction, batch)
    pairs = [
        list(_pairs(predicted, measured))
        for predicted, measured in ((prediction.rms, activations), (prediction.gradients, gradients))
    ]
    both = ((prediction.rms, activations), (prediction.gradients, gradients))
    unlike = [
        path
        for predicted, measured in both
        for path, one in measured.items()
        if path in predicted and (one > SEEN) != (predicted[path] > 0)
    ]
    silent = sum(
        measured <= SEEN and prediction.gradients.get(path) == 0 for path, measured in gradients.items()
    )
    return Comparison(pairs[0], pairs[1], unlike, silent)


def point_of(preset: Preset) -> dict[str, int]:
    """The sizes at which a preset is measured: those of its sample; of what is free besides, 16."""
    specs = inputs_of(preset)
    sample = specs[sample_index(specs)]
    sizes = zip(sample.shape[1:], sample_shape(specs, preset.design.training), strict=True)
    free = {symbol: 16 for spec in specs for symbol in spec.shape if isinstance(symbol, str)}
    return free | {symbol: size for symbol, size in sizes if isinstance(symbol, str)}


def inputs_of(preset: Preset) -> tuple[InputSpec, ...]:
    """The arguments of the rendered model."""
    found = render(preset.design).inputs
    return tuple(InputSpec(one.name, one.role, one.shape, one.dtype) for one in found)


def _pairs(predicted: dict[str, float], measured: dict[str, float]) -> Iterator[Pair]:
    for path, one in measured.items():
        if one > SEEN and predicted.get(path, 0) > 0:
            yield Pair(path, predicted[path], one)


def measure(preset: Preset, prediction: Prediction, batch: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the rms of each module's output and of its gradient, for a unit gradient at each output.

    Activations are those of the network as it starts; for the gradients the last layers that start at 0 are
    drawn as torch draws them by default.
    """
    rendering = render(preset.design)
    torch.manual_seed(0)
    model = load_model(rendering)().eval()
    specs = inputs_of(preset)
    shape = sample_shape(specs, preset.design.training)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((batch, *shape), generator=generator)
    times = torch.full((batch,), 500.0)
    labels = torch.arange(batch)
    caller = Caller(specs, shape, preset.design.training.get("num_classes"))
    arguments = caller.arguments(x, times, labels, generator, torch.ones(batch))
    activations, gradients = dict[str, float](), dict[str, float]()
    with torch.no_grad():
        _hooked(model, arguments, activations, None)
    for path in prediction.moved:
        _move(model.get_submodule(path))
    outputs = _hooked(model, arguments, {}, gradients)
    sum((one * torch.randn(one.shape, generator=generator)).sum() for one in _tensors(outputs)).backward()
    return activations, gradients


def _move(module: Any) -> None:
    """Draw the zero weights of a module anew."""
    for one in module.modules():
        if hasattr(one, "reset_parameters"):
            one.reset_parameters()
    for parameter in module.parameters(recurse=False):
        if parameter.ndim < 2 and not parameter.any() and not hasattr(module, "reset_parameters"):
            torch.nn.init.ones_(parameter)


def _hooked(
    model: Any, arguments: Any, activations: dict[str, float], gradients: dict[str, float] | None
) -> Any:
    handles = []
    for name, module in model.named_modules():
        handles.append(module.register_forward_hook(_record(name, activations, gradients)))
    outputs = model(*arguments)
    for handle in handles:
        handle.remove()
    return outputs


def _record(name: str, activations: dict[str, float], gradients: dict[str, float] | None) -> Any:
    def hook(module: Any, inputs: Any, output: Any) -> None:
        first = next(_tensors(output), None)
        if first is None or name in activations:
            return
        activations[name] = first.detach().float().square().mean().sqrt().item()
        if gradients is not None and first.requires_grad:
            gradients[name] = 0.0
            first.register_hook(lambda one: gradients.update({name: one.square().mean().sqrt().item()}))

    return hook


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _tensors(one)


def rank_correlation(found: list[Pair]) -> float:
    """Spearman's correlation of predicted and measured rms, ties by their mean rank."""
    a, b = (_ranks([getattr(one, name) for one in found]) for name in ("predicted", "measured"))
    return float(torch.corrcoef(torch.tensor([a, b]))[0, 1])


def _ranks(values: list[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        stop = start
        while stop < len(order) and math.isclose(values[order[stop]], values[order[start]], rel_tol=1e-9):
            stop += 1
        for index in order[start:stop]:
            ranks[index] = (start + stop - 1) / 2
        start = stop
    return ranks
