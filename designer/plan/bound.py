"""Sizes that the inputs of a definition name without declaring them: arguments of its class like the others.

Single letters (B, N, H, W) are sizes of the data and never become arguments.
"""

from typing import Any

from designer.document import Definition
from designer.shapes.frame import Frame
from designer.shapes.values import Tensor, split_pattern
from designer.spec import BlockSpec, Param


def bound_sizes(target: BlockSpec | Definition) -> dict[str, Param]:
    """Return the undeclared names in the input shapes of a definition, as parameters to infer."""
    if isinstance(target, BlockSpec):
        return {}
    names = [token for port in target.inputs if not port.stack for token in split_pattern(port.shape)]
    return {
        name: Param(name, "int", inferred=True)
        for name in names
        if len(name) > 1 and name.isidentifier() and name not in target.parameters
    }


def bound_values(frame: Frame) -> dict[str, Any]:
    """Return the sizes that the inputs of a call gave to the undeclared names."""
    names = bound_sizes(frame.definition)
    found: dict[str, Any] = {}
    for port in frame.definition.inputs:
        value = frame.inputs.get(port.name)
        if isinstance(value, Tensor) and not port.stack:
            found.update(zip(split_pattern(port.shape), value.shape, strict=False))
    return {name: size for name, size in found.items() if name in names}
