"""One evaluated block call with its sizes: what both sweeps ask of it at every step, worked out once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from designer.shapes.frame import Iteration
from designer.spec import BlockSpec

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape | None]


@dataclass(frozen=True)
class Block:
    """A block with parameters, and the sizes of what goes in and comes out; shared by all steps that repeat it."""

    spec: BlockSpec
    iteration: Iteration
    shapes: Shapes
    made: Shapes

    @cached_property
    def tags(self) -> frozenset[str]:
        """The tags of the block."""
        return frozenset(self.spec.tags)

    @cached_property
    def init(self) -> str:
        """How the weights start: what the call says."""
        return str(self.iteration.params.get("init", "default"))

    @cached_property
    def fans(self) -> tuple[int, int]:
        """How many numbers go into one output and come out of one input; a convolution without a size is 3 wide."""
        params = self.iteration.params
        size = params.get("kernel_size", 3 if "conv" in self.tags else 1)
        area = size * size if isinstance(size, int) else 1
        for before, after in (
            ("in_features", "out_features"),
            ("in_channels", "out_channels"),
            ("channels", "channels"),
        ):
            fan_in, fan_out = params.get(before), params.get(after)
            if isinstance(fan_in, int) and isinstance(fan_out, int):
                return fan_in * area, fan_out * area
        return 0, 0

    @cached_property
    def padding(self) -> float:
        """The share of a convolution's taps that do not fall on the zeros around the map."""
        params = self.iteration.params
        given, made = (next(iter(shapes.values()), None) for shapes in (self.shapes, self.made))
        if "conv" not in self.tags or given is None or made is None or len(given) != 4 or len(made) != 4:
            return 1.0
        size, stride = params.get("kernel_size", 3), params.get("stride", 1)
        border = params.get("padding")
        if not isinstance(size, int) or not isinstance(stride, int) or (size > 3 and border is None):
            return 1.0
        if border is not None and "upsample" in self.tags:
            return 1.0  # transposed: padding cuts off outputs, no zeros come in
        if border is None and "upsample" in self.tags:
            given = made  # resampled before the convolution
        elif border is None and "downsample" in self.tags:
            stride, border = 2, 0
        if border is None:
            border = size // 2 if given[2:] == made[2:] else 0
        if not isinstance(border, int):
            return 1.0
        sides = zip(given[2:], made[2:], strict=True)
        return math.prod(_inside(*both, size, stride, border) for both in sides)


@lru_cache(maxsize=1024)
def _inside(side: int, count: int, size: int, stride: int, border: int) -> float:
    starts = [index * stride - border for index in range(min(count, 4096))]
    inside = sum(max(0, min(start + size, side) - max(start, 0)) for start in starts)
    return inside / (len(starts) * size)
