"""What is known of a value: its second moment, and how much of it all its positions share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from designer import expressions
from designer.dims import UndecidedError
from designer.expressions import ExpressionError
from designer.shapes.frame import Iteration
from designer.spec import BlockSpec
from designer.stability.block import Block, Shapes


@dataclass(frozen=True, slots=True)
class State:
    """`q` = E[x²], and `common` = E[xᵢ xⱼ] / E[x²] for two tokens or pixels i ≠ j of the same feature."""

    q: float
    common: float

    def __add__(self, other: "State") -> "State":
        q = self.q + other.q
        return State(q, (self.q * self.common + other.q * other.common) / q) if q else State(0.0, 1.0)

    def times(self, factor: float) -> "State":
        """The same scaled: E[x²] by `factor`."""
        return State(self.q * factor, self.common)


NOTHING = State(0.0, 1.0)
UNIT = State(1.0, 0.0)


@dataclass(frozen=True)
class Level:
    """The noise around a network: log-SNR, σ relative to the signal, E[x²] of the noisy sample that it is given."""

    log_snr: float = 0.0
    sigma: float = 1.0
    input: float = 1.0


@dataclass(frozen=True)
class Site:
    """One evaluation of a block as the rules of both sweeps see it."""

    block: Block
    inputs: Mapping[str, State]
    level: Level
    moved: bool = False  # a zero start of this block is taken as the default start

    @property
    def spec(self) -> BlockSpec:
        """The block that is called."""
        return self.block.spec

    @property
    def iteration(self) -> Iteration:
        """Its parameters and names."""
        return self.block.iteration

    @property
    def shapes(self) -> Shapes:
        """The sizes of what goes in."""
        return self.block.shapes

    @property
    def made(self) -> Shapes:
        """The sizes of what comes out."""
        return self.block.made

    @property
    def first(self) -> State:
        """The first input."""
        return next(iter(self.inputs.values()), UNIT)

    @property
    def init(self) -> str:
        """How the weights start: what the call says."""
        return "default" if self.moved and self.block.init == "zero" else self.block.init

    def number(self, text: str, **given: float) -> float | None:
        """Return the value of an annotation, None without one.

        It reads the parameters, the rms of each input by its port, the noise level, and the names given.
        """
        if not text:
            return None
        names: dict[str, Any] = {"log_snr": self.level.log_snr, "sigma": self.level.sigma, **given}
        for name in expressions.names(text) - names.keys():
            if name in self.iteration.names:
                names[name] = self.iteration.names[name]
            elif name in self.inputs:
                names[name] = math.sqrt(self.inputs[name].q)
        try:
            value = expressions.evaluate(text, names)
        except (ExpressionError, UndecidedError):
            return None
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None

    def ratio(self, port: str, output: str = "") -> float:
        """How many numbers come out for each that goes in at a port."""
        made = self.made.get(output or next(iter(self.made), ""))
        given = self.shapes.get(port)
        return math.prod(made) / math.prod(given) if made is not None and given is not None else 1.0
