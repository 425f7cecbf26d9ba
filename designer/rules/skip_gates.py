"""The weights of long skips: which gate weighs which skip, and whether anything bounds it."""

from collections.abc import Iterator
from dataclasses import dataclass

from designer.rules.flow import Flow, Leaf
from designer.rules.tracing import origins
from designer.shapes.values import Tensor


@dataclass(frozen=True)
class SkipGate:
    """A product that weighs a skip: the product, its port for the weight, and the gate that makes the weight."""

    product: Leaf
    port: str
    gate: Leaf
    unbounded: bool

    @property
    def follows_content(self) -> bool:
        """Whether the weight depends on the streams, or differs from pixel to pixel."""
        gate = self.gate.spec.gate
        assert gate is not None
        return bool({"trunk", "skip"} & set(gate.sources)) or gate.granularity in ("spatial", "full")


def skip_gates(flow: Flow) -> Iterator[SkipGate]:
    """Yield each gate of each product whose stream is a long skip."""
    for product in flow.tagged("gating"):
        stream = product.input(product.spec.inputs[0].name)
        if len(product.spec.inputs) < 2 or not isinstance(stream, Tensor) or stream.role != "skip":
            continue
        port = product.spec.inputs[1].name
        for one in origins(flow, product, port):
            yield from _gates(flow, product, port, one, bounded=False)


def _gates(flow: Flow, product: Leaf, port: str, one: Leaf, bounded: bool) -> Iterator[SkipGate]:
    """Follow bounds (gates that take a gate in) back to the gate itself."""
    gate = one.spec.gate
    if gate is None:
        return
    bounded = bounded or "inf" not in gate.high
    if gate.sources:
        yield SkipGate(product, port, one, not bounded)
        return
    for before in origins(flow, one, one.spec.inputs[0].name):
        yield from _gates(flow, product, port, before, bounded)


@dataclass(frozen=True)
class LevelWeight:
    """A prescribed gate, its level (1 the shallowest) and the weight that follows from it."""

    level: int
    weight: float
    gate: Leaf


def level_weights(flow: Flow) -> Iterator[LevelWeight]:
    """Yield each prescribed gate whose weight follows from its level alone; those for sampling are meant as they are."""
    for leaf in flow.tagged("gate"):
        gate = leaf.spec.gate
        if gate is None or gate.sources != ("level",) or gate.learned or leaf.has("inference_only"):
            continue
        level, weight = leaf.iteration.params.get("level"), leaf.number(gate.initial)
        if isinstance(level, int) and weight is not None:
            yield LevelWeight(level, abs(weight), leaf)
