"""Fixes that several rules on joints of two streams offer."""

from designer.catalogue import catalogue
from designer.diagnostics import Fix
from designer.document import Definition
from designer.operations import Operation, chain
from designer.rules.flow import Leaf
from designer.shapes.values import Tensor


def normalise_both(leaf: Leaf) -> Fix | None:
    """Put a norm without parameters before both streams of a sum or a concatenation."""
    definition, operations = leaf.frame.definition, list[Operation]()
    for port in leaf.spec.inputs[:2]:
        value, target = leaf.input(port.name), f"{leaf.call.node.id}.{port.name}"
        if not isinstance(value, Tensor) or target not in definition.sources:
            return None
        norm = ("PixelNorm", {}) if len(value.shape) == 4 else ("RMSNorm", {"elementwise_affine": False})
        operations += chain(definition, target, [(norm[0], f"norm_{port.name}", norm[1])])
    return Fix("Normalise both streams before they are joined", tuple(operations))


def see_stream(definition: Definition, node: str, port: str) -> Fix | None:
    """Let the gate see the stream that it weighs: it takes its width from there."""
    blocks, name = catalogue(), definition.sources[f"{node}.{port}"].partition(".")[0]
    product = blocks.get(definition.nodes[node].call)
    stream = (
        definition.sources.get(f"{node}.{product.inputs[0].name}")
        if product and "gating" in product.tags
        else None
    )
    while stream and name in definition.nodes:
        spec = blocks.get(definition.nodes[name].call)
        if spec is None or spec.gate is None or not spec.inputs:
            return None
        if spec.gate.sources:
            end = f"{name}.{spec.inputs[0].name}"
            wire = {"op": "connect", "definition": definition.name, "source": stream, "target": end}
            return (
                Fix(f"Let {name} see the stream that it weighs", (wire,))
                if definition.sources.get(end) != stream
                else None
            )
        name = definition.sources.get(f"{name}.{spec.inputs[0].name}", "").partition(".")[0]
    return None
