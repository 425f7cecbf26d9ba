"""The child process of an export: `python -m designer.export.worker SPEC` prints JSON lines."""

import json
import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.export.child import end_with_parent
from designer.origin import known_nodes, nodes_of_lines, origin
from designer.train.limits import bound_memory

if TYPE_CHECKING:
    from torch import nn

    from designer.export.bisect import Traced
    from designer.export.report import Comparison, Difference


def say(message: str) -> None:
    """Report progress to the parent."""
    print(json.dumps({"progress": message}), flush=True)


def main() -> int:
    """Export as the specification on the command line says."""
    end_with_parent()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    spec: dict[str, Any] = json.loads(sys.argv[1])
    try:
        report = run(spec)
    except Exception as error:  # the reason travels to the parent; the parent decides what to say
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:600]}"
        path = Path(spec["directory"]) / "source" / "model.py"
        nodes, line = origin(error, nodes_of_lines(spec["source_map"]), path)
        where = f"{', '.join(nodes)} (model.py line {line}): " if nodes else ""
        print(json.dumps({"error": where + text}), flush=True)
        return 1
    path = Path(spec["directory"]) / "export.json"
    from designer.export.report import ExportReport
    from designer.export.serving import write_serving
    from designer.files import write_atomic

    write_atomic(path, json.dumps(report, indent=1) + "\n")
    write_serving(Path(spec["directory"]), ExportReport.from_json(report))
    print(json.dumps({"report": report}), flush=True)
    return 0


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Export, compare, and return the report as JSON values."""
    started = time.monotonic()
    say("importing PyTorch")
    import onnx
    import onnxruntime
    import torch

    from designer.export.cuda import CUDA_FILE, write_cuda_variant
    from designer.export.exporter import OPSET, build_model, export_model
    from designer.export.fusions import fusions
    from designer.export.parity import compare
    from designer.export.report import LIMITS, ExportReport
    from designer.export.session import open_session
    from designer.export.sizes import trace_point

    bound_memory(spec["memory_limit_bytes"], "cpu")
    folder = Path(spec["directory"])
    partial = folder / ".partial"  # what is served or sampled from meanwhile stays whole
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    model, weights = build_model(folder / "source", spec["class"], spec["weights"])
    point = trace_point(spec["axes"], spec["training"].get("sample_shape"))
    say("exporting")
    files, traced = export_model(model, spec, point, partial / "model.onnx")
    if spec["precision"] == "fp16":
        from designer.export.half import to_half

        say("converting to fp16")
        to_half(partial / "model.onnx")
    session = open_session(partial / "model.onnx", "cpu")
    parity = list(compare(model, session, spec, point, say)) if spec["check"] else []
    first = _first_difference(spec, model, partial / "model.onnx", traced, parity)
    for name in files:
        os.replace(partial / name, folder / name)
    partial.rmdir()
    (folder / CUDA_FILE).unlink(missing_ok=True)
    report = ExportReport(
        ok=all(one.ok for one in parity),
        model=str(folder / "model.onnx"),
        files=files,
        bytes=sum((folder / name).stat().st_size for name in files),
        opset=OPSET,
        precision=spec["precision"],
        provider=session.get_providers()[0],
        weights=weights,
        inputs=spec["inputs"],
        outputs=spec["outputs"],
        limit=LIMITS[spec["precision"]],
        design=spec["design"],
        training=spec["training"],
        axes=spec["axes"],
        parity=parity,
        first_difference=first,
        fusions=fusions(folder / "model.onnx") if len(files) == 1 else [],  # large models stay out of memory
        cuda=write_cuda_variant(folder / "model.onnx") if spec["provider"] == "cuda" else None,
        seconds=round(time.monotonic() - started, 1),
        versions={
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    )
    return report.to_json()


def _first_difference(
    spec: Mapping[str, Any],
    model: "nn.Module",
    path: Path,
    traced: "Sequence[Traced]",
    parity: "Sequence[Comparison]",
) -> "Difference | None":
    """Return the first node that differs where an output exceeds the limit the most, None where none does."""
    from designer.export.bisect import first_difference, severity
    from designer.export.exporter import example_inputs
    from designer.export.parity import SEED
    from designer.export.report import LIMITS

    worst = max((one for one in parity if not one.ok), key=severity, default=None)
    if worst is None:
        return None
    say("looking for the first node that differs")
    inputs = example_inputs(spec, worst.at, seed=SEED, timestep=worst.timestep)
    known = known_nodes(spec["source_map"])
    return first_difference(model, path, traced, inputs, known, LIMITS[spec["precision"]], worst.relative_l2)


if __name__ == "__main__":
    sys.exit(main())
