"""The logits of attention that is written out: products of queries and keys that enter a softmax."""

from collections.abc import Iterator
from dataclasses import dataclass

from designer.rules.flow import Flow, Leaf
from designer.rules.tracing import origins

LOOK_THROUGH = frozenset({"reshape", "stochastic"})


@dataclass(frozen=True)
class Logits:
    """A softmax, its port, the product that it weighs, what both factors were made by, whether a constant scales it."""

    softmax: Leaf
    port: str
    product: Leaf
    factors: tuple[Leaf, ...]
    scaled: bool


def logits(flow: Flow) -> Iterator[Logits]:
    """Yield each softmax over a product of two computed tensors; constants between them are looked through."""
    for leaf in flow.leaves.values():
        if leaf.spec.name != "Softmax":
            continue
        port = leaf.spec.inputs[0].name
        near = {one.key for one in origins(flow, leaf, port, LOOK_THROUGH)}
        for product in origins(flow, leaf, port, LOOK_THROUGH | {"scale"}):
            if product.spec.name == "MatMul":
                sides = (origins(flow, product, side.name, LOOK_THROUGH) for side in product.spec.inputs)
                factors = tuple(one for side in sides for one in side)
                yield Logits(leaf, port, product, factors, product.key not in near)
