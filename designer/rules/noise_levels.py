"""What rules ask about the noise around a network: its process, and what receives the noisy sample as it is."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from designer.document import Design
from designer.errors import UserError
from designer.rules.flow import Flow, Leaf
from designer.rules.tracing import raw_inputs, reached

if TYPE_CHECKING:
    from designer.wrapping.noise import Process

_SAMPLES = ("image", "latent", "patches", "video", "points")
_WHOLE = ("reshape", "stochastic", "pool")
_CARRYING = ("activation", "reshape", "add", "merge", "stochastic", "pool")


def process_of(design: Design) -> "Process | None":
    """Return the process of a design that says what it predicts; None where its settings exclude each other."""
    if not design.training.get("prediction"):
        return None
    from designer.wrapping.noise import Process  # numpy: not for listing the rules

    try:
        return Process.of(design.training)
    except UserError:
        return None


@lru_cache(maxsize=64)
def input_range(process: "Process") -> float:
    """Return how many times louder the network's input is at the most noise than at the least."""
    if process.preconditioning not in ("none", "ve"):
        return 1.0
    alpha, sigma = process.grid()
    loudness = (alpha**2 * process.sigma_data**2 + sigma**2) ** 0.5
    return float(loudness.max() / loudness.min())


def first_layers(design: Design, flow: Flow) -> Iterator[Leaf]:
    """Yield the learned layers that take the noisy sample as it is given."""
    samples = {port.name for port in design.main_definition.inputs if port.role in _SAMPLES}
    near = {key for name in samples for key in reached(flow, name, _WHOLE)}
    for leaf in flow.tagged("linear", "conv"):
        if leaf.key in near and samples & raw_inputs(flow, leaf, leaf.spec.inputs[0].name, _WHOLE):
            yield leaf


def is_normalised(flow: Flow, leaf: Leaf) -> bool:
    """Whether what a layer puts out is normalised before each learned layer of the trunk behind it."""
    todo, seen = flow.after(leaf), set[tuple[str, ...]]()
    found = False
    while todo:
        one = todo.pop()
        if one.key in seen:
            continue
        seen.add(one.key)
        if one.has("norm"):
            found = True
        elif one.has(*_CARRYING):
            todo.extend(flow.after(one))
    return found
