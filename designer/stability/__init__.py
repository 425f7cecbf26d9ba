"""Stability predicted without running: second moments at initialisation, of values forward and of gradients back.

A design is unrolled into a tape of block calls (`unroll`). Along it go two numbers a value: its second moment, and
the share that all its positions have in common, which decides what attention, pooling and sums over positions
leave. What blocks state (`Stability` in `designer.spec`) and what they are (their tags) gives each step, forward
(`forward`) and back (`backward`); nothing is fitted. From these follow the rms of each node and its gradient, growth
over depth, skips and branches against the trunk, headroom in 16 bits, each at any noise level (`levels`, `report`).
Mechanism: article sections 1.1, 4, 10.1; against real networks: tests/stability, benchmarks/results/stability.md.
"""

from designer.stability.propagate import Prediction, predict
from designer.stability.state import Level

__all__ = ["Level", "Prediction", "predict"]
