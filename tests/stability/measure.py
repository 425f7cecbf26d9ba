"""Predicted and measured rms at initialisation, module by module."""

import math
from dataclasses import dataclass
from typing import Any

import torch

from designer.check import check
from designer.presets import Preset
from designer.render import load_model, render
from designer.stability import predict
from designer.train.inputs import Caller, InputSpec, sample_shape


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


def pairs(preset: Preset, batch: int = 4) -> list[Pair]:
    """Run a preset once on unit noise and pair every module whose output is not 0 with its prediction."""
    rendering = render(preset.design)
    torch.manual_seed(0)
    model = load_model(rendering)().eval()
    measured: dict[str, float] = {}

    def record(name: str) -> Any:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            while isinstance(output, (tuple, list)):
                output = output[0]
            measured.setdefault(name, output.float().square().mean().sqrt().item())

        return hook

    for name, module in model.named_modules():
        module.register_forward_hook(record(name))
    specs = tuple(InputSpec(one.name, one.role, one.shape, one.dtype) for one in rendering.inputs)
    shape = sample_shape(specs, preset.design.training)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((batch, *shape), generator=generator)
    times, labels = torch.rand(batch, generator=generator) * 999, torch.zeros(batch, dtype=torch.long)
    caller = Caller(specs, shape, preset.design.training.get("num_classes"))
    with torch.no_grad():
        model(*caller.arguments(x, times, labels, generator))
    frame = check(preset.design).frame
    assert frame is not None
    predicted = predict(frame).rms
    return [
        Pair(path, predicted[path], measured[path])
        for path in predicted
        if measured.get(path, 0) > 1e-8 and predicted[path] > 0
    ]


def rank_correlation(found: list[Pair]) -> float:
    """Spearman's correlation of predicted and measured rms."""
    predicted, measured = (
        _ranks([getattr(one, name) for one in found]) for name in ("predicted", "measured")
    )
    squares = sum((a - b) ** 2 for a, b in zip(predicted, measured, strict=True))
    return 1 - 6 * squares / (len(found) * (len(found) ** 2 - 1))


def _ranks(values: list[float]) -> list[int]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0] * len(values)
    for rank, index in enumerate(order):
        ranks[index] = rank
    return ranks
