"""A network as a function of arrays: an ONNX session here, a rendered model in the child process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from designer.sample.loop import Network
from designer.sample.samplers import Images
from designer.train.inputs import SAMPLE_ROLES, InputSpec

Labels = NDArray[np.int64] | None


def arguments(
    inputs: Sequence[InputSpec], x: Images, t: NDArray[np.float32], labels: Labels
) -> dict[str, NDArray[Any]]:
    """Return the network's inputs by name: the sample, the timestep, the class."""
    found: dict[str, NDArray[Any]] = {}
    for one in inputs:
        value = x if one.role in SAMPLE_ROLES else t if one.role in ("timestep", "sigma") else labels
        assert value is not None
        found[one.name] = value
    return found


def onnx_network(path: Path, inputs: Sequence[InputSpec], device: str = "auto") -> Network:
    """Return the exported model; its first output is the prediction."""
    from designer.export.session import open_session

    session = open_session(path, device)

    def call(x: Images, t: NDArray[np.float32], labels: Labels) -> Images:
        output: Images = session.run(None, arguments(inputs, x, t, labels))[0]
        return output

    return call


def torch_network(folder: Path, class_name: str, weights: Path, inputs: Sequence[InputSpec]) -> Network:
    """Execute the rendered source in `folder` and return its model with `weights`; child processes only.

    Raises ValueError when the weights do not fit the model.
    """
    import torch
    from safetensors.torch import load_file

    from designer.render import load_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(folder, class_name)()
    try:
        model.load_state_dict(load_file(weights), strict=True)
    except Exception as error:
        raise ValueError(f"{weights.name} does not fit the model: {str(error)[:400]}") from None
    model.to(device).eval()

    @torch.inference_mode()
    def call(x: Images, t: NDArray[np.float32], labels: Labels) -> Images:
        values = arguments(inputs, x, t, labels).values()
        output = model(*(torch.from_numpy(np.ascontiguousarray(value)).to(device) for value in values))
        output = output[0] if isinstance(output, tuple | list) else output
        found: Images = output.float().cpu().numpy()
        return found

    return call
