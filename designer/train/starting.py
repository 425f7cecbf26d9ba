"""Weights to start from: those of a backbone that was trained before, in a model that may hold more than it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from designer.errors import UserError

if TYPE_CHECKING:
    from torch import Size, Tensor, nn


def weights_file(source: str | Path) -> Path:
    """Return the safetensors file of a run's folder, or `source` itself. Raises UserError without one."""
    path = Path(source)
    path = path / "weights.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    return path.resolve()


def load_backbone(model: "nn.Module", weights: "Mapping[str, Tensor]", name: str) -> None:
    """Put every tensor of `weights` into the model, or into the one part of it that has them all.

    Raises UserError when there is no such part: which tensors do not fit is said.
    """
    import torch

    own = model.state_dict()
    shapes = {key: value.shape for key, value in own.items()}
    prefixes = ["", *(f"{module}." for module, _ in model.named_modules() if module)]
    fitting = next((one for one in prefixes if _fits(weights, shapes, one)), None)
    if fitting is None:
        wrong = [key for key in weights if shapes.get(key) != weights[key].shape]
        raise UserError(
            f"{name} does not fit the model or a part of it: {len(wrong)} of {len(weights)} tensors, "
            f"{', '.join(wrong[:3])}"
        )
    with torch.no_grad():
        for key, value in weights.items():
            own[fitting + key].copy_(value)


def _fits(weights: "Mapping[str, Tensor]", shapes: "Mapping[str, Size]", prefix: str) -> bool:
    return all(shapes.get(prefix + key) == value.shape for key, value in weights.items())
