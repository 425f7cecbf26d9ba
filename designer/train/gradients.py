"""Typed access to a tensor's gradient as it passes; PyTorch leaves `register_hook` without types."""

from collections.abc import Callable

from torch import Tensor


def on_gradient(tensor: Tensor, action: Callable[[Tensor], None]) -> None:
    """Let `action` see the gradient of `tensor` in the next backward pass."""
    tensor.register_hook(action)  # type: ignore[no-untyped-call]
