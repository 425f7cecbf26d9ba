"""Sees the additions, concatenations and attentions between modules, which module hooks cannot.

A TorchFunctionMode observes every torch call of a probed forward pass; the rendered source is not touched.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from designer.train.diagnostics import Probe

_ADDITIONS = {torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__iadd__}
_SOFTMAX = {torch.softmax, functional.softmax, Tensor.softmax}
_MOST_LOGITS = 2**24


class Observer(TorchFunctionMode):
    """Reports residual additions, skip fusions and attention logits of one forward pass to a probe.

    The trunk of an addition is the operand that is the first input of an enclosing module or the result of an
    earlier addition; where both are (two streams meet) or the operation is a concatenation of features, it is
    a fusion d, s; where neither is, nothing is claimed.
    """

    def __init__(self, probe: "Probe", batch: int) -> None:
        super().__init__()
        self._probe = probe
        self._batch = batch
        self._streams: dict[int, Any] = {}

    def mark_stream(self, tensor: Tensor) -> None:
        """Note that `tensor` is a residual stream: a module's first input or a sum."""
        self._streams[id(tensor)] = ref(tensor)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _ADDITIONS:
            return self._addition(func, args, kwargs)
        if func is torch.cat:
            self._concatenation(args, kwargs)
        elif func is functional.scaled_dot_product_attention:
            self._attention(args, kwargs)
        elif func in _SOFTMAX:
            self._softmax(args[0])
        return func(*args, **kwargs)

    def _addition(self, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        left: Any = args[0]
        right: Any = args[1] if len(args) > 1 else kwargs.get("other")
        visible = self._is_feature(left) and self._is_feature(right) and left.shape == right.shape
        if visible:
            self._classify(left, right)
        result = func(*args, **kwargs)
        if visible:
            if result is left:
                self._probe.forget(left)
            self.mark_stream(result)
        return result

    def _classify(self, left: Tensor, right: Tensor) -> None:
        first, second = self._is_stream(left), self._is_stream(right)
        if first and second:
            self._probe.fusion(left, right)
        elif first or second:
            self._probe.residual(*((left, right) if first else (right, left)))

    def _concatenation(self, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        tensors = args[0] if args else kwargs["tensors"]
        if len(tensors) != 2 or not all(self._is_feature(tensor) for tensor in tensors):
            return
        rank = tensors[0].ndim
        dim = (args[1] if len(args) > 1 else kwargs.get("dim", 0)) % rank
        # features are the last axis of tokens B N D and the second of images B C H W
        if dim == (2 if rank == 3 else 1):
            self._probe.fusion(tensors[0], tensors[1])

    def _attention(self, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        query, key = args[0].detach(), args[1].detach()
        scale = kwargs.get("scale") or query.shape[-1] ** -0.5
        per_sample = query.shape[:-1].numel() // len(query) * key.shape[-2]
        kept = max(1, min(len(query), _MOST_LOGITS // max(1, per_sample)))
        if kept * per_sample > 4 * _MOST_LOGITS:
            return
        if query.shape[1:-2] != key.shape[1:-2]:
            key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        logits = torch.matmul(query[:kept], key[:kept].transpose(-1, -2)) * scale
        self._report_logits(logits, len(query))

    def _softmax(self, logits: Any) -> None:
        if isinstance(logits, Tensor) and logits.ndim >= 3:
            self._report_logits(logits.detach(), len(logits))

    def _report_logits(self, logits: Tensor, rows: int) -> None:
        if rows % self._batch == 0:
            flat = logits.flatten(1)
            largest = torch.maximum(flat.amax(1), -flat.amin(1)).float()
            missing = largest.new_full((rows - len(largest),), -1.0)
            self._probe.logits(torch.cat([largest, missing]).view(self._batch, -1).amax(1))

    def _is_feature(self, value: Any) -> bool:
        return (
            isinstance(value, Tensor)
            and value.ndim >= 3
            and len(value) == self._batch
            and value.is_floating_point()
        )

    def _is_stream(self, tensor: Tensor) -> bool:
        known = self._streams.get(id(tensor))
        return known is not None and known() is tensor
