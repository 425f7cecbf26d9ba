"""Names the module that made the first NaN or infinity of a batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from designer.train.gradients import on_gradient


def first_nonfinite(model: nn.Module, loss_of: Callable[[], Tensor]) -> tuple[str, str]:
    """Run `loss_of` forward and backward with checks; return (where, module name).

    `where` is "forward" or "backward" with the module whose output, or output's gradient, was the first that
    is not finite, in the order of execution; "loss" when only the loss is; "" when everything is finite.
    Inner modules finish before those that contain them, so the innermost culprit is named.
    """
    forward: list[str] = []
    backward: list[str] = []

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            tensor = output[0] if isinstance(output, list | tuple) else output
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                return
            if not tensor.isfinite().all():
                forward.append(name)
            elif tensor.requires_grad:
                on_gradient(
                    tensor, lambda gradient: None if gradient.isfinite().all() else backward.append(name)
                )

        return hook

    handles = [module.register_forward_hook(watch(name)) for name, module in model.named_modules()]
    try:
        loss = loss_of()
        if forward:
            return "forward", forward[0]
        if not loss.isfinite():
            return "loss", ""
        torch.autograd.backward(loss)
    finally:
        for handle in handles:
            handle.remove()
    return ("backward", backward[0]) if backward else ("", "")
