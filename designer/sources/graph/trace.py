"""The trace of a network: calls of blocks in order, each with the module that made it, and the values between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from designer.dims import Dim, Size
from designer.shapes.functions import Axes


@dataclass(frozen=True)
class Level:
    """A module on the way from the network to an operator: its path, such as blocks.0.attn, and its class."""

    path: str
    kind: str


Scope = tuple[Level, ...]


@dataclass
class Call:
    """An operator as a call of a block. `weights` maps each tensor of the block to a tensor of the source."""

    block: str
    scope: Scope
    inputs: dict[str, str]
    outputs: dict[str, str]
    params: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    name: str = ""  # of the node, where the source has a name for it


@dataclass(frozen=True)
class Input:
    """An input of the network."""

    name: str
    axes: tuple[Size, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Unknown:
    """An operator that no block stands for."""

    operator: str
    place: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.operator} at {self.place}" + (f" ({self.reason})" if self.reason else "")


@dataclass
class Trace:
    """A whole network, in the making."""

    inputs: list[Input] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    axes: dict[str, Axes] = field(default_factory=dict)
    unknown: list[Unknown] = field(default_factory=list)

    def add_input(self, name: str, axes: Sequence[Size], dtype: str = "float32") -> str:
        """Declare an input; return its value."""
        self.inputs.append(Input(name, tuple(axes), dtype))
        self.axes[name] = list(axes)
        return name

    def emit(
        self,
        block: str,
        scope: Scope,
        inputs: Mapping[str, str],
        axes: Axes,
        weights: Mapping[str, str] | None = None,
        called: str = "",
        **params: Any,
    ) -> str:
        """Add a call with one output of these axes; return its value. `called` names the node."""
        found = self.emit_many(block, scope, inputs, {"out": axes}, weights, **params)[0]
        self.calls[-1].name = called
        return found

    def emit_many(
        self,
        block: str,
        scope: Scope,
        inputs: Mapping[str, str],
        outputs: Mapping[str, Axes],
        weights: Mapping[str, str] | None = None,
        **params: Any,
    ) -> list[str]:
        """Add a call with several outputs; return their values."""
        number = len(self.calls)
        names = {port: f"%{number}.{port}" for port in outputs}
        self.calls.append(Call(block, scope, dict(inputs), names, params, dict(weights or {})))
        for port, axes in outputs.items():
            self.axes[names[port]] = list(axes)
        return list(names.values())


def numbers(axes: Axes) -> list[int]:
    """Return sizes at a sample point, each symbol another prime, to compare products of sizes."""
    symbols = sorted({name for size in axes if isinstance(size, Dim) for name in size.symbols})
    point = dict(zip(symbols, _PRIMES, strict=False))
    return [Dim.of(size).evaluate(point) for size in axes]


_PRIMES = (101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157)
