"""An exponential moving average of the weights, for sampling."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import Parameter


class Average:
    """Keeps w̄ ← d·w̄ + (1 - d)·w, where d = min(decay, (1 + n) / (10 + n)) at update n."""

    def __init__(self, parameters: list[Parameter], decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self._updates = 0
        self._average = [p.detach().clone() for p in parameters]

    def update(self) -> None:
        """Take the present weights into the average."""
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        self._updates += 1
        torch._foreach_lerp_(self._average, [p.detach() for p in self._parameters], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model hold the averaged weights inside the block and its own again after it."""
        own = [p.detach().clone() for p in self._parameters]
        try:
            self._load(self._average)
            yield
        finally:
            self._load(own)

    def _load(self, values: list[torch.Tensor]) -> None:
        torch._foreach_copy_([p.detach() for p in self._parameters], values)
