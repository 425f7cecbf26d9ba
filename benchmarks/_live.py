"""Measures the memory that live tensors hold, whatever keeps them alive: an account kept by the dispatcher.

Nothing here knows how the designer predicts memory. Every operator that runs, forward and backward, is seen,
and a storage counts from the operator that made it until its last owner lets go.
"""

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):
    """Counts bytes of live storages; works on real and on fake tensors alike."""

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.hold(result)
        return result

    def hold(self, values: Any) -> None:
        """Start counting the storages of the tensors in a structure that are not counted yet."""
        for value in tree_leaves(values):
            if isinstance(value, torch.Tensor):
                self._add(value.untyped_storage())
        self.peak = max(self.peak, self.live)

    def _add(self, storage: torch.UntypedStorage) -> None:
        if id(storage) not in self._known:
            self._known[id(storage)] = size = storage.nbytes()
            self.live += size
            weakref.finalize(storage, self._drop, id(storage))

    def _drop(self, key: int) -> None:
        self.live -= self._known.pop(key)
