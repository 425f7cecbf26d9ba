"""ONNX Runtime against PyTorch: the same inputs, over sizes, batches and noise levels."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from designer.export.bisect import relative_l2
from designer.export.exporter import example_inputs, named_outputs
from designer.export.report import LIMITS, Comparison
from designer.export.sizes import comparison_points

SEED = 7  # of the inputs that are compared


def compare(
    model: nn.Module,
    session: Any,
    spec: Mapping[str, Any],
    traced: Mapping[str, int],
    say: Callable[[str], None],
) -> Iterator[Comparison]:
    """Yield one comparison an output, size and noise level."""
    steps = int(spec["training"].get("timesteps", 1000))
    limit = LIMITS[spec["precision"]]
    for point in comparison_points(spec["axes"], traced):
        say("comparing at " + ", ".join(f"{name}={size}" for name, size in point.items()))
        for timestep in (0.0, float(steps // 2), float(steps - 1)):
            inputs = example_inputs(spec, point, seed=SEED, timestep=timestep)
            with torch.no_grad():
                expected = named_outputs(spec, model(*inputs.values()))
            feeds = {name: value.numpy() for name, value in inputs.items()}
            received = session.run(None, feeds)
            for (name, want), got in zip(expected.items(), received, strict=True):
                yield _compared(name, dict(point), timestep, want.numpy(), got, limit)


def _compared(
    name: str, at: dict[str, int], timestep: float, want: Any, got: Any, limit: float
) -> Comparison:
    difference = np.abs(got.astype(np.float64) - want.astype(np.float64))
    relative = relative_l2(want, got)
    same = want.shape == got.shape and bool(np.isfinite(got).all())
    return Comparison(
        name,
        at,
        timestep,
        float(difference.max()),
        float(difference.mean()),
        relative,
        same and relative <= limit,
    )
