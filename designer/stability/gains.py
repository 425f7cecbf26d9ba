"""Gains of blocks at initialisation: E[out²] as a function of E[in²], from annotations and starts of weights."""

from designer.stability.state import Site

_STEP = 1e-3


def starts_at_zero(site: Site) -> bool:
    """Whether everything that the block puts out is exactly 0."""
    return site.init == "zero" or (site.spec.stability.gain == "0" and not site.moved)


def moment(site: Site, q: float, port: str = "") -> float | None:
    """E[out²] for an input of second moment q whose positions are independent; None without annotation."""
    gain = _gain(site, q, port)
    return None if gain is None else gain * q * site.block.padding + bias(site)


def slope(site: Site, q: float, port: str = "") -> float | None:
    """d E[out²] / d E[in²]: the gain without what is added whatever comes in."""
    if q <= 0:
        q = _STEP
    above, below = (moment(site, q * (1 + sign * _STEP), port) for sign in (1, -1))
    return None if above is None or below is None else max(0.0, (above - below) / (2 * _STEP * q))


def _gain(site: Site, q: float, port: str) -> float | None:
    """E[out²] / E[in²]: by the way the weights start where the call says so, else as the block states."""
    init, (fan_in, fan_out) = site.init, site.block.fans
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


def bias(site: Site) -> float:
    """The variance of a bias drawn as torch draws it, uniform in ±1/√fan_in; Xavier starts set it to 0."""
    plain = site.init.startswith("normal_") or (
        site.init == "default" and site.spec.stability.gain.startswith(("1/3", "2/3"))
    )
    if not plain or not {"linear", "conv"} & site.block.tags or site.iteration.params.get("bias") is False:
        return 0.0
    fan_in, _ = site.block.fans
    return 1 / (3 * fan_in) if fan_in else 0.0
