"""The logits of attention: what bounds them; where attention is written out, the products that enter a softmax."""

from collections.abc import Iterator
from dataclasses import dataclass

from designer.operations import Operation, chain
from designer.rules.flow import Flow, Leaf
from designer.rules.tracing import origins
from designer.shapes.values import Tensor

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
    for leaf in flow.tagged("softmax"):
        port = leaf.spec.inputs[0].name
        near = {one.key for one in origins(flow, leaf, port, LOOK_THROUGH)}
        for product in origins(flow, leaf, port, LOOK_THROUGH | {"scale"}):
            if product.has("linear") and len(product.spec.inputs) == 2:
                sides = (origins(flow, product, side.name, LOOK_THROUGH) for side in product.spec.inputs)
                factors = tuple(one for side in sides for one in side)
                yield Logits(leaf, port, product, factors, product.key not in near)


def joins(flow: Flow, attention: Leaf) -> bool:
    """Whether the keys are two streams put one behind the other."""
    return any(one.has("concat") for one in origins(flow, attention, "k", ("position", "norm", "reshape")))


def is_cross(attention: Leaf) -> bool:
    """Whether queries and keys come from sequences of different lengths."""
    q, k = attention.input("q"), attention.input("k")
    lengths = [one.shape[-2] for one in (q, k) if isinstance(one, Tensor) and len(one.shape) > 1]
    return attention.has("cross_attention") or (len(lengths) == 2 and lengths[0] != lengths[1])


def is_bounded(flow: Flow, attention: Leaf) -> bool:
    """Whether the attention itself, or a norm on its queries, bounds the logits."""
    through = ("position", "concat", "reshape")
    first = origins(flow, attention, "q", through)
    behind = [one for each in first if each.has("concat") for one in origins(flow, each, "a", through)]
    return attention.has("bounded_logits") or any(
        one.has("norm", "bounded_logits") for one in (*first, *behind)
    )


def qk_norm(attention: Leaf) -> tuple[Operation, ...]:
    """The operations that normalise queries and keys where they enter attention; () where they cannot be reached."""
    definition, operations = attention.frame.definition, list[Operation]()
    for port in ("q", "k"):
        target = f"{attention.call.node.id}.{port}"
        if target not in definition.sources:
            return ()
        operations += chain(definition, target, [("RMSNorm", f"norm_{port}", {})])
    return tuple(operations)
