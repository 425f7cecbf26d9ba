"""What one seed of a smoke-train leaves behind: plain numbers, no torch."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class NodeInfo:
    """A module of the rendered model: its name, the design's node "Definition/node", its class, its
    output's rank.
    """

    module: str
    node: str
    kind: str
    rank: int = 0


@dataclass(frozen=True)
class NonFinite:
    """The first NaN or infinity: step, where (forward, backward or loss) and the module that made it."""

    step: int
    where: str
    module: str
    node: str


@dataclass
class Series:
    """A quantity measured at one place in the model at each probed step, per noise bin: `values` [P][8].

    `rank` is that of the tensors measured: 3 for tokens, 4 for feature maps.
    """

    place: str
    node: str
    values: list[list[float]] = field(default_factory=list)
    rank: int = 0

    def array(self) -> Array:
        """Return the values as [P, 8]."""
        return np.asarray(self.values, dtype=np.float32).reshape(len(self.values), -1)


@dataclass
class SeedRecord:
    """All that the verdict and the report need to know about one seed.

    Curves have one value a step; arrays are indexed [probe, node, noise bin]; NaN means not measured.
    `order` are the nodes that ran, in the order in which they finished; `stacks` are repeated blocks.
    `update_ratio` is ‖Δw‖ / ‖w‖ of a module's own weights in one step, [probe, module of `weighted`];
    `zero_weights` says which of them are exactly zero at the end.
    """

    seed: int
    steps: int
    learning_rate: float
    steps_done: int = 0
    loss: list[float] = field(default_factory=list)
    nloss: list[float] = field(default_factory=list)
    nloss_bins: list[list[float]] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    probe_steps: list[int] = field(default_factory=list)
    nodes: list[NodeInfo] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    rms: Array = field(default_factory=lambda: np.zeros((0, 0, 8), np.float32))
    peak: Array = field(default_factory=lambda: np.zeros((0, 0, 8), np.float32))
    gradient: Array = field(default_factory=lambda: np.zeros((0, 0, 8), np.float32))
    weighted: list[NodeInfo] = field(default_factory=list)
    update_ratio: Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    zero_weights: list[bool] = field(default_factory=list)
    stacks: list[list[int]] = field(default_factory=list)
    residuals: list[Series] = field(default_factory=list)
    fusions: list[Series] = field(default_factory=list)
    contributions: list[Series] = field(default_factory=list)
    logits: list[Series] = field(default_factory=list)
    frequency_gaps: list[Series] = field(default_factory=list)
    timestep_shifts: list[Series] = field(default_factory=list)
    condition_spreads: list[Series] = field(default_factory=list)
    nonfinite: NonFinite | None = None
    skipped_steps: int = 0

    def end_window(self) -> int:
        """Return how many of the last steps count as the end: a fifth, at least ten."""
        return min(len(self.loss), max(10, len(self.loss) // 5))

    def final_nloss_bins(self) -> list[float]:
        """Return nloss per noise bin over the end window, NaN where a bin was never drawn."""
        window = np.asarray(self.nloss_bins[-self.end_window() :], dtype=np.float64).reshape(-1, 8)
        seen = np.isfinite(window)
        count = seen.sum(0)
        total = np.where(seen, window, 0).sum(0)
        return [float(s / c) if c else float("nan") for s, c in zip(total, count, strict=True)]

    def final_nloss(self) -> float:
        """Return the mean of the bins' final nloss; NaN before any step."""
        bins = [value for value in self.final_nloss_bins() if np.isfinite(value)]
        return float(np.mean(bins)) if bins else float("nan")


def rounded(value: Any, digits: int = 5) -> Any:
    """Return `value` with its numbers at `digits` significant digits and None for what is not finite."""
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if isinstance(value, np.ndarray):
        return rounded(value.tolist(), digits)
    if isinstance(value, float | np.floating):
        return float(f"{value:.{digits}g}") if np.isfinite(value) else None
    return value
