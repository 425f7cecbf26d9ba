"""What a design's `budgets` may say: the most that it may cost, and at which sizes and precision that is counted.

`{"parameters": 9e8, "training_memory": 2.4e10, "at": {"B": 8, "H": 64, "W": 64}, "precision": "bf16"}`
"""

from collections.abc import Mapping
from typing import Any

from designer.errors import UserError

PRECISIONS = ("fp32", "bf16", "fp16")
# Each budget: what it bounds, its unit.
BUDGETS: Mapping[str, tuple[str, str]] = {
    "parameters": ("parameters", ""),
    "flops": ("FLOPs of a forward pass", ""),
    "inference_memory": (
        "bytes of a forward pass without gradients: weights and the peak of activations",
        "B",
    ),
    "training_memory": (
        "bytes of a training step: weights, gradients, AdamW and the peak of activations",
        "B",
    ),
}


def require(budgets: Mapping[str, Any]) -> None:
    """Raise UserError for the first budget that cannot be read."""
    for name, value in budgets.items():
        if name == "at":
            _sizes(value)
        elif name == "precision":
            if value not in PRECISIONS:
                raise UserError(
                    f"budgets.precision: received {value!r:.80}; expected one of {', '.join(PRECISIONS)}"
                )
        elif name not in BUDGETS:
            raise UserError(
                f"budgets.{name}: unknown key; expected one of {', '.join((*BUDGETS, 'at', 'precision'))}"
            )
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise UserError(f"budgets.{name}: received {value!r:.80}; expected a number above 0")


def _sizes(value: Any) -> None:
    if not isinstance(value, dict):
        raise UserError(f'budgets.at: received {value!r:.80}; expected sizes such as {{"B": 8, "H": 64}}')
    for name, size in value.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise UserError(f"budgets.at.{name}: received {size!r:.80}; expected a size of at least 1")


def budgets_schema() -> dict[str, Any]:
    """Return the JSON Schema of `budgets`."""
    limits = {
        name: {"type": "number", "exclusiveMinimum": 0, "description": f"the most {what}"}
        for name, (what, _) in BUDGETS.items()
    }
    sizes = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
    properties = {**limits, "at": sizes, "precision": {"enum": list(PRECISIONS)}}
    return {"type": "object", "properties": properties, "additionalProperties": False}
