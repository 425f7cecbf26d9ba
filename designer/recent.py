"""A bounded store of answers, the least recently used dropped first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values by key up to a total weight. Safe to share between threads."""

    def __init__(self, bound: int, weight: Callable[[Value], int] = lambda _: 1) -> None:
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._bound, self._weight, self._total = bound, weight, 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def find(self, key: Hashable) -> Value | None:
        """Return the value of a key, or None."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def keep(self, key: Hashable, value: Value) -> None:
        """Keep a value, and drop old ones beyond the bound."""
        with self._lock:
            before = self._values.pop(key, None)
            self._total += self._weight(value) - (0 if before is None else self._weight(before))
            self._values[key] = value
            while self._total > self._bound:
                self._total -= self._weight(self._values.popitem(last=False)[1])
