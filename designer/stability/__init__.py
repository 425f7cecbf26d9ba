"""Stability predicted without running: second moments at initialisation, from block to block through the graph.

Inputs are taken as unit Gaussians. What is known of a network before a step of training follows from them: the rms
of each node, the growth of a residual stream over depth, the size of skips against the trunk, headroom in 16 bits.
Mechanism and accuracy: article sections 1.1, 4, 10.1; measured against real networks in tests/stability.
"""

from designer.stability.propagate import Prediction, predict
from designer.stability.state import Level

__all__ = ["Level", "Prediction", "predict"]
