"""Gains of blocks at initialisation: E[out²] as a function of E[in²], from annotations and starts of weights."""

import math
from functools import lru_cache

from designer.stability.state import Site

_STEP = 1e-3


def starts_at_zero(site: Site) -> bool:
    """Whether everything that the block puts out is exactly 0."""
    return site.init == "zero" or (site.spec.stability.gain == "0" and not site.moved)


def moment(site: Site, q: float, port: str = "") -> float | None:
    """E[out²] for an input of second moment q whose positions are independent; None without annotation."""
    gain = _gain(site, q, port)
    return None if gain is None else gain * q * padding(site) + bias(site)


def slope(site: Site, q: float, port: str = "") -> float | None:
    """d E[out²] / d E[in²]: the gain without what is added whatever comes in."""
    if q <= 0:
        q = _STEP
    above, below = (moment(site, q * (1 + sign * _STEP), port) for sign in (1, -1))
    return None if above is None or below is None else max(0.0, (above - below) / (2 * _STEP * q))


def _gain(site: Site, q: float, port: str) -> float | None:
    """E[out²] / E[in²]: by the way the weights start where the call says so, else as the block states."""
    init, (fan_in, fan_out) = site.init, fans(site)
    if init == "xavier_uniform" and fan_in and fan_out:
        return 2 * fan_in / (fan_in + fan_out)
    if init.startswith("normal_") and fan_in:
        return fan_in * float(init.removeprefix("normal_")) ** 2
    text = site.spec.stability.gains.get(port, site.spec.stability.gain)
    if site.moved and text == "0":
        return 1 / 3 if fan_in else 1.0
    if not text:
        return None
    return 0.0 if q <= 0 else site.number(text, q=q)


def fans(site: Site) -> tuple[int, int]:
    """How many numbers go into one output and come out of one input; a convolution without a size is 3 wide."""
    params = site.iteration.params
    size = params.get("kernel_size", 3 if "conv" in site.spec.tags else 1)
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


def bias(site: Site) -> float:
    """The variance of a bias drawn as torch draws it, uniform in ±1/√fan_in; Xavier starts set it to 0."""
    plain = site.init.startswith("normal_") or (
        site.init == "default" and site.spec.stability.gain.startswith(("1/3", "2/3"))
    )
    if (
        not plain
        or not {"linear", "conv"} & set(site.spec.tags)
        or site.iteration.params.get("bias") is False
    ):
        return 0.0
    fan_in, _ = fans(site)
    return 1 / (3 * fan_in) if fan_in else 0.0


def padding(site: Site) -> float:
    """The share of a convolution's taps that do not fall on the zeros around the map."""
    params, tags = site.iteration.params, site.spec.tags
    given, made = (next(iter(shapes.values()), None) for shapes in (site.shapes, site.made))
    if "conv" not in tags or given is None or made is None or len(given) != 4 or len(made) != 4:
        return 1.0
    size, stride = params.get("kernel_size", 3), params.get("stride", 1)
    border = params.get("padding")
    if not isinstance(size, int) or not isinstance(stride, int) or (size > 3 and border is None):
        return 1.0
    if border is None and "upsample" in tags:
        given = made  # resampled before the convolution
    elif border is None and "downsample" in tags:
        stride, border = 2, 0
    if border is None:
        border = size // 2 if given[2:] == made[2:] else 0
    if not isinstance(border, int):
        return 1.0
    return math.prod(_inside(*sides, size, stride, border) for sides in zip(given[2:], made[2:], strict=True))


@lru_cache(maxsize=1024)
def _inside(side: int, count: int, size: int, stride: int, border: int) -> float:
    starts = [index * stride - border for index in range(min(count, 4096))]
    inside = sum(max(0, min(start + size, side) - max(start, 0)) for start in starts)
    return inside / (len(starts) * size)
