"""An ONNX file: loaded without looking outside its folder, traced, its weights saved for the rendered model."""

from pathlib import Path
from typing import Any

import numpy as np

from designer.errors import UserError
from designer.importers import Imported
from designer.sources.graph.assemble import assemble
from designer.sources.graph.tree import identifier

MAX_DESIGN_NODES = 20_000


def read_onnx(path: Path, weights: Path) -> tuple[Imported, list[str]]:
    """Return the design of an ONNX file and its unknown operators; its weights are saved in `weights`."""
    from safetensors.numpy import save_file

    from designer.sources.onnx import operators, shaping  # noqa: F401  (they register themselves)
    from designer.sources.onnx.tracer import Tracer

    model = _load(path)
    if len(model.graph.node) > MAX_DESIGN_NODES:
        raise UserError(f"{path}: {len(model.graph.node)} nodes; at most {MAX_DESIGN_NODES} become a design")
    tracer = Tracer(model)
    trace = tracer.run()
    name = identifier(
        path.stem if model.graph.name in ("", "main_graph", "main", "graph") else model.graph.name
    )
    made = assemble(trace, name[:1].upper() + name[1:])
    tensors = {key: np.ascontiguousarray(tracer.arrays[source]) for key, source in made.weights.items()}
    save_file(tensors, weights)
    return Imported(made.document), [str(one) for one in trace.unknown]


def _load(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx.external_data_helper import load_external_data_for_model, uses_external_data

    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (DecodeError, ValueError):
        raise UserError(f"{path}: not an ONNX file") from None
    if not model.graph.node and not model.graph.output:
        raise UserError(f"{path}: not an ONNX file, or one without a graph")
    folder = path.resolve().parent
    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            place = next((one.value for one in tensor.external_data if one.key == "location"), "")
            _check_place(path, folder, tensor.name, place)
    try:
        load_external_data_for_model(model, str(folder))
    except Exception as error:  # onnx raises several kinds for files that are cut short or escape the folder
        raise UserError(
            f"{path}: its external data cannot be read ({' '.join(str(error).split())[:200]})"
        ) from None
    return model


def _check_place(path: Path, folder: Path, tensor: str, place: str) -> None:
    """External data must be a regular file inside the folder of the model, links resolved."""
    file = folder / place
    if not place or Path(place).is_absolute() or not file.resolve().is_relative_to(folder):
        raise UserError(
            f"{path}: the tensor {tensor!r} names data outside the file's folder ({place!r}); refused"
        )
    if not file.is_file():
        raise UserError(f"{path}: the tensor {tensor!r} needs {place!r}, which is not there")
