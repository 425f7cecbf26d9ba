"""The noise levels at which a network is looked at: eight equally likely ones of its own process."""

import math
from collections.abc import Mapping
from typing import Any

from designer.errors import UserError
from designer.stability.state import Level

COUNT = 8
_REACH = 8.0  # log-SNR to either side, for a design that does not say how it is trained


def levels_of(training: Mapping[str, Any]) -> tuple[Level, ...]:
    """Return the levels of a design's `training`, the least noise first."""
    if training.get("prediction"):
        from designer.wrapping.noise import Process  # numpy: only where a process is asked for

        try:
            return _of_process(Process.of(training))
        except UserError:
            pass  # settings that exclude each other; a rule says so
    steps = [_REACH - 2 * _REACH * index / (COUNT - 1) for index in range(COUNT)]
    return tuple(Level(one, math.exp(-one / 2)) for one in steps)


def _of_process(process: Any) -> tuple[Level, ...]:
    import numpy as np

    times = (np.arange(COUNT) + 0.5) / COUNT * process.timesteps
    found = []
    for alpha, sigma in zip(*process.levels(times.round()), strict=True):
        ratio = max(float(sigma), 1e-6) / max(float(alpha), 1e-6)
        loudness = float(alpha**2 * process.sigma_data**2 + sigma**2)
        wrapped = process.preconditioning not in ("none", "ve")
        found.append(Level(-2 * math.log(ratio), ratio, 1.0 if wrapped else loudness))
    return tuple(found)
