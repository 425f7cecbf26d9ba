"""What each kind of block does to second moments at initialisation.

A block that states its gain is taken at its word; the others follow from what they are: sums add, norms give one,
activations are integrated, products multiply, averages keep what positions share and little of the rest.
"""

import math
from collections.abc import Callable

from designer.shapes.values import Tensor
from designer.stability.activations import FUNCTIONS, response
from designer.stability.gains import bias, moment, starts_at_zero
from designer.stability.state import NOTHING, Site, State

GATES = {"GEGLU": "GELU", "SwiGLU": "SiLU", "GLU": "Sigmoid"}
AVERAGES = frozenset({"lowpass", "pool"})
Rule = Callable[[Site], State]


def states_of(site: Site) -> dict[str, State]:
    """Return the state of each output, given those of the inputs."""
    found = {port.name: _state(site, port.name) for port in site.spec.outputs}
    return {port: State(state.q, 1.0) if _is_vector(site, port) else state for port, state in found.items()}


def _is_vector(site: Site, port: str) -> bool:
    """Whether an output has one number a feature: every position that it reaches later gets the same."""
    made = site.made.get(port)
    return made is not None and len(made) <= 2


def _state(site: Site, port: str) -> State:
    spec, first = site.spec, site.first
    if starts_at_zero(site):
        return NOTHING
    if port in spec.stability.values:
        value = site.number(spec.stability.values[port])
        return State(value * value if value is not None else 1.0, 1.0)
    if spec.gate is not None and (not spec.gate.ports or port in spec.gate.ports):
        initial = site.number(spec.gate.initial)
        if initial is not None and "gating" not in spec.tags:
            return State(initial**2, 1.0)
    if spec.name in FUNCTIONS:
        seen = response(spec.name, first.q)
        return State(seen.moment, seen.common(first.common))
    if spec.stability.weights:
        return _concat(site) if "concat" in spec.tags else _sum(site)
    first = site.inputs.get(port, first)  # an output named as an input is that input, changed
    q = moment(site, first.q, port)
    if q is not None:
        return _annotated(site, first, q)
    rule = next((rule for tag, rule in _BY_TAG.items() if tag in spec.tags), None)
    return first if rule is None else rule(site)


def _annotated(site: Site, first: State, q: float) -> State:
    """The output of a block that states its gain; a bias or a position that is added is the same for all samples."""
    tags = site.block.tags
    if "attention" in tags:
        return read(State(q, first.common), tokens(site), sharpness(site, q))
    if tags & AVERAGES:
        return mixed(first, q / first.q if first.q > 0 else 0.0)
    if "norm" in tags:
        return State(q, centred(site, first.common))
    added = bias(site) if q > 0 else 0.0
    if "position" in tags and first.q > 0:
        return State(first.q, first.common) + State(max(0.0, q - first.q), 0.5)
    return State(q, (first.common * (q - added) + added) / q) if q > 0 else NOTHING


def mixed(given: State, share: float) -> State:
    """A weighted mean over positions: all of what they have in common, `share` (Σ weights²) of the rest."""
    keep = given.common + (1 - given.common) * min(1.0, share)
    return State(given.q * keep, given.common / keep) if keep > 0 else NOTHING


def read(values: State, keys: int, sharp: float) -> State:
    """What attention with nearly equal weights reads: all queries read nearly the same mean of the keys."""
    keep = values.common + (1 - values.common) * sharp
    same = values.common + (1 - values.common) / keys
    return State(values.q * keep, min(1.0, same / keep)) if keep > 0 else NOTHING


def centred(site: Site, common: float) -> float:
    """The common share behind a norm: groups of g channels lose 1/g of it with their mean."""
    groups, channels = site.iteration.params.get("num_groups"), site.iteration.params.get("num_channels")
    if not isinstance(groups, int) or not isinstance(channels, int):
        return common
    lost = common * groups / channels
    return (common - lost) / (1 - lost) if lost < 1 else 0.0


# -- kinds of operators -------------------------------------------------------------------------------------


def weighted(site: Site) -> dict[str, State]:
    """The terms of a sum by port, each times its weight squared; inputs without weight where others have one drop out."""
    texts = site.spec.stability.weights
    if not texts:
        return dict(site.inputs)
    weights = {name: site.number(text) for name, text in texts.items()}
    return {
        name: site.inputs[name].times((weight or 0.0) ** 2)
        for name, weight in weights.items()
        if name in site.inputs
    }


def _sum(site: Site) -> State:
    terms = weighted(site).values()
    if "blend" in site.spec.tags:
        total = sum(terms, NOTHING)
        return State(sum(math.sqrt(one.q) for one in terms) ** 2, total.common)
    return sum(terms, NOTHING)


def _product(site: Site) -> State:
    states = site.inputs.values()
    return State(math.prod(one.q for one in states), math.prod(one.common for one in states))


def _concat(site: Site) -> State:
    """The mean over all features or positions: each stream weighs by its size; two streams of positions share nothing."""
    sizes = {name: math.prod(site.shapes.get(name) or (1,)) for name in site.inputs}
    total = sum(sizes.values())
    parts = {name: state.times(sizes[name] / total) for name, state in weighted(site).items()}
    lengths = {name: _along(site, name) for name in parts}
    if None in lengths.values():
        return sum(parts.values(), NOTHING)
    count, q = sum(one or 0 for one in lengths.values()), sum(one.q for one in parts.values())
    pairs = {name: ((lengths[name] or 0) - 1) / max(count - 1, 1) for name in parts}  # of the same stream
    shared = sum(one.q * one.common * pairs[name] for name, one in parts.items())
    return State(q, shared / q) if q > 0 else NOTHING


def _along(site: Site, name: str) -> int | None:
    """How many positions a stream adds where positions are joined, None where features are."""
    given, made = site.shapes.get(name), next(iter(site.made.values()), None)
    if given is None or made is None or len(given) != len(made) or len(made) < 3:
        return None
    axis = next(
        (axis for axis, sizes in enumerate(zip(given, made, strict=True)) if len(set(sizes)) > 1), None
    )
    features = 1 if len(made) > 3 else 2
    return None if axis is None or axis == features else given[axis]


def modulation_of(site: Site) -> tuple[State, State]:
    """The scale and the shift that arrive at a modulation: from ports of these names, or from one vector."""
    inputs = site.inputs
    if "scale" in inputs or "shift" in inputs or len(inputs) != 2:
        return inputs.get("scale", NOTHING), inputs.get("shift", NOTHING)
    vector = list(inputs.values())[1]
    return (vector, vector) if holds_both(site) else (NOTHING, vector)


def holds_both(site: Site) -> bool:
    """Whether the vector of a modulation holds scales and shifts, two numbers a feature."""
    x, vector = (site.shapes.get(name) for name in list(site.inputs)[:2])
    if x is None or vector is None:
        return False
    return vector[-1] == 2 * (x[1] if len(x) == 4 and vector[-1] != 2 * x[-1] else x[-1])


def _modulated(site: Site) -> State:
    """(1 + scale) ⊙ x + shift for independent scale and shift."""
    x, (scale, shift) = site.first, modulation_of(site)
    scaled = State(x.q * scale.q, x.common * scale.common)
    return x + scaled + shift


def tokens(site: Site) -> int:
    """How many keys each query sees."""
    keys = site.shapes.get("k") or next(iter(site.shapes.values()), None)
    if keys is None or len(keys) < 3:
        return 1
    if "k" not in site.shapes and len(keys) == 4 and not _is_map(site):
        return keys[1]  # frames of tokens
    seen = math.prod(keys[2:]) if "k" not in site.shapes and _is_map(site) else keys[-2]
    for name in ("window", "window_size", "kernel_size"):
        side = site.iteration.params.get(name)
        if isinstance(side, int):
            seen = min(seen, side * side)
    return max(1, seen)


def _is_map(site: Site) -> bool:
    value = next(iter(site.iteration.outputs.values()), None)
    return isinstance(value, Tensor) and len(value.shape) == 4 and value.role != "tokens"


def sharpness(site: Site, inner: float = 0.0) -> float:
    """Σ of the squared attention weights: e^{s²}/M for M keys and Gaussian logits of variance s².

    A block that projects its one input itself has queries and keys as large as its values, `inner`.
    """
    alone = State(inner, site.first.common)
    q, k = site.inputs.get("q", alone), site.inputs.get("k", alone)
    variance = q.q * k.q * (1 - k.common)
    return min(1.0, math.exp(min(variance, 30.0)) / tokens(site))


def _attended(site: Site) -> State:
    return read(site.inputs.get("v", site.first), tokens(site), sharpness(site))


def gated(site: Site) -> tuple[State, State, float]:
    """The value and the gate before its function, both projections of the input, and the gain of a projection."""
    fan_in, _ = site.block.fans
    added = 1 / (3 * fan_in) if fan_in else 0.0
    q = site.first.q / 3 + added
    part = State(q, (site.first.common * site.first.q / 3 + added) / q) if q > 0 else NOTHING
    return part, part, 1 / 3


def _gated(site: Site) -> State:
    """value · act(gate)."""
    value, gate, _ = gated(site)
    seen = response(GATES.get(site.spec.name, "Sigmoid"), gate.q)
    return State(value.q * seen.moment, value.common * seen.common(gate.common))


def _pooled(site: Site) -> State:
    return mixed(site.first, min(1.0, site.ratio(next(iter(site.inputs), ""))))


def _half(site: Site) -> State:
    """Sines and cosines of anything: 1/2 on average."""
    return State(0.5, 1.0)


def _one(site: Site) -> State:
    return State(1.0 if site.first.q > 0 else 0.0, centred(site, site.first.common))


_BY_TAG: dict[str, Rule] = {
    "blend": _sum,
    "norm": _one,
    "time_embedding": _half,
    "gated_ffn": _gated,
    "gating": _product,
    "modulation": _modulated,
    "attention": _attended,
    "concat": _concat,
    "normalized_add": _one,
    "add": _sum,
    "pool": _pooled,
}
