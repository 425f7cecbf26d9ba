"""What an export leaves for serving at scale: a Triton model repository, a KServe manifest, a Ray Serve application.

    DIR/serving/triton/NAME/{config.pbtxt, configs/tensorrt.pbtxt, 1/model.onnx}    kserve.yaml    ray_app.py

The models are links to the export's own files where the file system has links.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from designer.export.exporter import size_at
from designer.export.report import ExportReport
from designer.export.sizes import near
from designer.files import write_atomic
from designer.templating import fill

MAX_BATCH = 8
TYPES: dict[int, str] = {
    onnx.TensorProto.FLOAT: "TYPE_FP32",
    onnx.TensorProto.FLOAT16: "TYPE_FP16",
    onnx.TensorProto.INT64: "TYPE_INT64",
    onnx.TensorProto.BOOL: "TYPE_BOOL",
}


@dataclass(frozen=True)
class TritonTensor:
    """An input or output as Triton has it: `dims` without the batch where requests are batched.

    A `scalar` is one number a sample, which Triton sends as [batch, 1] and gives to the model as [batch].
    """

    name: str
    type: str
    dims: tuple[int, ...]
    example: tuple[int, ...]
    scalar: bool


def write_serving(folder: Path, report: ExportReport) -> Path:
    """Write the files for serving the export in `folder`; return their folder."""
    graph = onnx.load(str(folder / "model.onnx"), load_external_data=False).graph
    batched = all(_sizes(value)[:1] == ["B"] for value in (*graph.input, *graph.output))
    label = re.sub(r"[^a-z0-9]+", "-", (report.design["preset"] or report.design["name"]).lower()).strip("-")
    name, root = label or "model", folder / "serving"
    values = {
        "name": name,
        "label": name,
        "batched": batched,
        "max_batch": MAX_BATCH,
        "inputs": _tensors(graph.input, report, batched),
        "outputs": _tensors(graph.output, report, batched),
        "precision": report.precision,
        "warm_up": "one sample",
        "memory_mib": 2048 + 3 * report.bytes // 2**20,
    }
    model = root / "triton" / name
    write_atomic(model / "config.pbtxt", fill("serving/config.pbtxt.jinja", tensorrt=False, **values))
    write_atomic(
        model / "configs" / "tensorrt.pbtxt", fill("serving/config.pbtxt.jinja", tensorrt=True, **values)
    )
    write_atomic(root / "kserve.yaml", fill("serving/kserve.yaml.jinja", **values))
    write_atomic(root / "ray_app.py", fill("serving/ray_app.py.jinja", **values))
    (model / "1").mkdir(exist_ok=True)
    for one in (*report.files, "export.json"):
        _link(folder / one, model / "1" / one)
    return root


def _tensors(
    values: Sequence[onnx.ValueInfoProto], report: ExportReport, batched: bool
) -> list[TritonTensor]:
    sizes = dict(zip("HW", (report.training.get("sample_shape") or [0, 32, 32])[-2:], strict=True))
    point = {name: near(axis, sizes.get(name, 16)) for name, axis in report.axes.items()} | {"B": 1}
    given: Mapping[str, Any] = {tensor["name"]: tensor for tensor in report.inputs}
    found = []
    for value in values:
        shape = _sizes(value)[1 if batched else 0 :]
        wanted = given.get(value.name, {"shape": shape})["shape"][1 if batched else 0 :]
        example = [size_at(size, point) for size in wanted] if value.name in given else []
        found.append(
            TritonTensor(
                value.name,
                TYPES[value.type.tensor_type.elem_type],
                tuple(size if isinstance(size, int) else -1 for size in shape) or (1,),
                tuple(example) or (1,),
                scalar=not shape,
            )
        )
    return found


def _sizes(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
