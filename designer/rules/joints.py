"""A fix that several rules on joints of two streams offer."""

from designer.diagnostics import Fix
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
