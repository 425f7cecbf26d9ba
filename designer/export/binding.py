"""An ONNX session as a function of torch tensors: bound where they are, so that a GPU's stay on the GPU."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

TYPES = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(int64)": torch.int64,
    "tensor(int32)": torch.int32,
    "tensor(bool)": torch.bool,
}


class BoundSession:
    """A session called with tensors by name; its outputs come back by name, on `device`."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.device = "cuda" if session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"
        self.types = {one.name: TYPES[one.type] for one in session.get_inputs()}
        self.outputs = [one.name for one in session.get_outputs()]

    def __call__(self, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run the model; tensors are cast and moved where they are not what it takes."""
        binding = self.session.io_binding()
        held = {}  # alive until the run is over
        for name, value in feeds.items():
            held[name] = value.detach().to(self.device, self.types[name]).contiguous()
            binding.bind_input(
                name, self.device, 0, _numpy_type(held[name]), list(value.shape), held[name].data_ptr()
            )
        for name in self.outputs:
            binding.bind_output(name, self.device)
        if self.device == "cuda":
            torch.cuda.synchronize()  # the session has a stream of its own
        self.session.run_with_iobinding(binding)
        return dict(zip(self.outputs, map(self._tensor, binding.get_outputs()), strict=True))

    def _tensor(self, value: Any) -> Tensor:
        return (
            torch.from_numpy(value.numpy()) if self.device == "cpu" else torch.utils.dlpack.from_dlpack(value)
        )


def _numpy_type(value: Tensor) -> Any:
    return torch.empty(0, dtype=value.dtype).numpy().dtype.type
