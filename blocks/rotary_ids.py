"""Rotary positions of tokens that come with coordinates of their own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="RotaryCoordinates",
    title="Rotary positions from coordinates",
    family="Tokens",
    kind="module",
    target="RotaryCoordinates",
    summary="Cosines and sines by which queries and keys are rotated: each axis of the coordinates turns some features.",
    tags=("position",),
    glyph="↻",
    inputs=(Port("ids", "positions", "N len(axes)", help="coordinates of each token"),),
    outputs=(Port("cos", "rotary", "N sum(axes)//2"), Port("sin", "rotary", "N sum(axes)//2")),
    params=(
        Param("axes", "list", positional=True, help="features of a head turned by each coordinate; even"),
        Param("theta", "float", 10000.0, minimum=1.0, help="base of the wavelengths"),
    ),
    constraints=(Constraint("sum(axes) % 2 == 0", "axes {axes} must be even: features form pairs"),),
    saved=("2*cos_numel + 2*cos_numel/N",),
    formula="angles = [id_a · θ^(−2k/d_a)] over the axes a",
    reference="Su et al. 2021, arXiv:2104.09864; Black Forest Labs 2024, FLUX.1",
    article="2.4.2, 12.1",
    stability=Stability(
        "", "a rotation keeps the norms of queries and keys; any set of coordinates will do", bounded=True
    ),
    examples=(
        Example({"ids": (5, 3)}, {"axes": [2, 4, 2]}),
        Example({"ids": (4, 2)}, {"axes": [4, 4], "theta": 100.0}),
    ),
)


class RotaryCoordinates(nn.Module):
    """Coordinates of tokens [N, A] → cos, sin [N, d / 2]; axis a turns axes[a] features (FLUX.1)."""

    def __init__(self, axes: Sequence[int], *, theta: float = 10000.0) -> None:
        super().__init__()
        self.axes = tuple(axes)
        self.theta = theta

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        parts = []
        for axis, size in enumerate(self.axes):
            exponent = torch.arange(0, size, 2, dtype=torch.float64, device=ids.device) / size
            parts.append(ids[:, axis, None].double() * self.theta**-exponent)
        angles = torch.cat(parts, dim=-1)
        return angles.cos().float(), angles.sin().float()
