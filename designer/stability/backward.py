"""What each kind of block does to gradients on their way back at initialisation.

Gradients are taken as independent of the values and weights that they meet (as in Schoenholz et al. 2017,
arXiv:1611.01232). A random linear map of gain g passes g · (numbers out / numbers in) back; where one number
reached many positions, their gradients sum.
"""

import math
from collections.abc import Callable, Mapping

from designer.stability.activations import FUNCTIONS, response
from designer.stability.forward import (
    AVERAGES,
    GATES,
    centred,
    gated,
    holds_both,
    modulation_of,
    sharpness,
    tokens,
    weighted,
)
from designer.stability.gains import slope, starts_at_zero
from designer.stability.state import NOTHING, UNIT, Site, State

Gradients = dict[str, State]
Rule = Callable[[Site, State], Gradients]


def gradients_of(site: Site, made: Mapping[str, State], arriving: Mapping[str, State]) -> Gradients:
    """Return what reaches each input of a block, given the gradients at its outputs and the states there."""
    found: Gradients = {}
    for port, gradient in arriving.items():
        if gradient.q > 0:
            for name, one in _through(site, port, made.get(port, UNIT), gradient).items():
                found[name] = found.get(name, NOTHING) + one
    return found


def _through(site: Site, port: str, made: State, gradient: State) -> Gradients:
    spec, first = site.spec, next(iter(site.inputs), None)
    if first is None or starts_at_zero(site) or port in spec.stability.values:
        return {}
    tags = site.block.tags
    if spec.name in FUNCTIONS:
        seen = response(spec.name, site.first.q)
        passed = State(gradient.q * seen.slope, gradient.common * seen.slope_common(site.first.common))
        return {first: passed}
    if spec.stability.weights:
        rule = _to_parts if "concat" in tags else _blended if "blend" in tags else _to_all
        return rule(site, gradient)
    if port in site.inputs:
        first = port
    if "norm" in tags:
        return {first: _normalised(site, first, made, gradient)}
    known = next((rule for tag, rule in _BY_TAG.items() if tag in tags), None)
    several = len(site.inputs) > 1 and tags & {"add", "gating"}
    if known is not None and (several or not spec.stability.gain):
        return known(site, gradient) if "normalized_add" not in tags else _rescaled(site, made, gradient)
    q, ratio = site.inputs[first].q, site.ratio(first, port)
    gain = slope(site, q, port)
    if gain is not None and gain < 1e-6 * made.q / max(q, 1e-12):  # the size that comes in is divided out
        return {first: _normalised(site, first, made, gradient)}
    if "attention" in tags:
        gain = 1.0 if gain is None else gain
        return {first: _read(gradient.times(gain), tokens(site), 1 / ratio, sharpness(site, gain * q))}
    if gain is None or tags & AVERAGES or gain == 1.0:
        alone = min(1.0, ratio) if "pool" in tags else 1.0
        return {first: _averaged(gradient, alone if gain is None else gain, ratio)}
    return {first: gradient.times(gain * ratio)}


def _averaged(gradient: State, gain: float, ratio: float) -> State:
    """Back through a map of positions: `gain` of independent gradients, all of what they have in common."""
    alone = gradient.q * (1 - gradient.common) * gain * ratio
    together = gradient.q * gradient.common * ratio * (ratio if ratio > 1 else gain)
    q = alone + together
    return State(q, together / q) if q > 0 else NOTHING


def gathered(gradient: State, ratio: float) -> State:
    """The sum over the `ratio` positions that one number reached."""
    if ratio <= 1:
        return gradient
    return State(gradient.q * ratio * (1 + (ratio - 1) * gradient.common), 1.0)


def _normalised(site: Site, port: str, made: State, gradient: State) -> State:
    """x/σ passes the gradient over σ, less its mean over what is normalised together."""
    q = site.inputs[port].q
    if q <= 0:
        return NOTHING
    before, after = gradient.common, centred(site, gradient.common)
    kept = (1 - before) / (1 - after) if after < 1 else 1.0
    return State(gradient.q * kept * made.q / q, after)


def _rescaled(site: Site, made: State, gradient: State) -> Gradients:
    """A sum that is divided so that unit inputs give a unit output."""
    total = sum(one.q for one in site.inputs.values())
    return _to_all(site, gradient.times(made.q / total if total > 0 else 1.0))


def _to_all(site: Site, gradient: State) -> Gradients:
    terms = weighted(site).items()
    return {name: gathered(gradient.times(_weight(site, name, one)), site.ratio(name)) for name, one in terms}


def _to_parts(site: Site, gradient: State) -> Gradients:
    return {name: gradient.times(_weight(site, name, term)) for name, term in weighted(site).items()}


def _weight(site: Site, port: str, term: State) -> float:
    """The weight of an input of a sum, squared."""
    q = site.inputs[port].q
    return term.q / q if q > 0 else 1.0


def _blended(site: Site, gradient: State) -> Gradients:
    """A stream and its own update: the gradient through the update comes back to the stream in step with its own."""
    found = _to_all(site, gradient)
    (stream, one), (_, other) = ((name, found[name]) for name in list(found)[:2])
    together = one.q + 2 * math.sqrt(one.q * other.q)
    return {**found, stream: State(together, one.common)}


def _product(site: Site, gradient: State) -> Gradients:
    found = {}
    for name in site.inputs:
        q, common = gradient.q, gradient.common
        for other, state in site.inputs.items():
            if other != name:
                q, common = q * state.q, common * state.common
        found[name] = gathered(State(q, common), site.ratio(name))
    return found


def _modulated(site: Site, gradient: State) -> Gradients:
    scale, _ = modulation_of(site)
    x, names = site.first, list(site.inputs)
    found = {names[0]: gradient + State(gradient.q * scale.q, gradient.common * scale.common)}
    to_scale = State(gradient.q * x.q, gradient.common * x.common)
    if len(names) == 2:  # scales and shifts in one vector, or one of the two alone
        whole = not {"scale", "shift"} & site.inputs.keys() and holds_both(site)
        ratio = site.ratio(names[1]) * (2 if whole else 1)
        parts = (to_scale, gradient) if whole else (to_scale if names[1] == "scale" else gradient,)
        found[names[1]] = sum((gathered(one, ratio).times(1 / len(parts)) for one in parts), NOTHING)
        return found
    for name in names[1:]:
        found[name] = gathered(to_scale if name == "scale" else gradient, site.ratio(name))
    return found


def _read(gradient: State, keys: int, ratio: float, sharp: float) -> State:
    """The gradient of values that were read with nearly equal weights: each gets nearly the same mean."""
    alone = gradient.q * (1 - gradient.common) * sharp / ratio
    together = gradient.q * gradient.common / ratio**2
    shared = gradient.q * (1 - gradient.common) / (keys * ratio) + together
    q = alone + together
    return State(q, min(1.0, shared / q)) if q > 0 else NOTHING


def _attended(site: Site, gradient: State) -> Gradients:
    """Values by the weights that they were read with; queries and keys by how the weights move the mean."""
    if not {"q", "k", "v"} <= site.inputs.keys():
        first = next(iter(site.inputs))
        return {first: _read(gradient, tokens(site), 1 / site.ratio(first), sharpness(site))}
    q, k, v = (site.inputs[name] for name in "qkv")
    keys, ratio, sharp = tokens(site), 1 / max(site.ratio("v"), 1e-9), sharpness(site)
    readers = keys / ratio  # queries
    moved = gradient.q * sharp * v.q * (1 - v.common)
    return {
        "v": _read(gradient, keys, ratio, sharp),
        "q": State(moved * k.q * (1 - k.common), gradient.common * q.common),
        "k": State(moved / ratio * q.q * (1 + (readers - 1) * gradient.common * q.common), 0.0),
    }


def _gated(site: Site, gradient: State) -> Gradients:
    """Through the value by act(gate), through the gate by value · act′(gate)."""
    value, gate, gain = gated(site)
    seen = response(GATES.get(site.spec.name, "Sigmoid"), gate.q)
    first = next(iter(site.inputs))
    by_value = State(gradient.q * seen.moment, gradient.common * seen.common(gate.common))
    by_gate = State(
        gradient.q * value.q * seen.slope,
        gradient.common * value.common * seen.slope_common(gate.common),
    )
    return {first: (by_value + by_gate).times(gain * site.ratio(first))}


def _stopped(site: Site, gradient: State) -> Gradients:
    return {}


_BY_TAG: dict[str, Rule] = {
    "blend": _blended,
    "time_embedding": _stopped,
    "noise_level": _stopped,
    "gated_ffn": _gated,
    "gating": _product,
    "modulation": _modulated,
    "attention": _attended,
    "concat": _to_parts,
    "add": _to_all,
}
