"""The table of operators: which handler turns an operator of PyTorch into calls of blocks."""

from collections.abc import Callable
from typing import Any

from designer.sources.pytorch.tracer import Operator, Tracer

Handler = Callable[[Tracer, Operator], Any]
TABLE: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators, overload included."""

    def register(handler: Handler) -> Handler:
        TABLE.update({f"aten.{name}": handler for name in names})
        return handler

    return register
