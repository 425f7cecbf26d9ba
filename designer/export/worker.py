"""The child process of an export: `python -m designer.export.worker SPEC` prints JSON lines."""

import json
import logging
import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from designer.export.child import end_with_parent
from designer.train.limits import bound_memory


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
        text = " ".join(str(error).split())
        print(json.dumps({"error": f"{type(error).__name__}: {text[:600]}"}), flush=True)
        return 1
    path = Path(spec["directory"]) / "export.json"
    from designer.files import write_atomic

    write_atomic(path, json.dumps(report, indent=1) + "\n")
    print(json.dumps({"report": report}), flush=True)
    return 0


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Export, compare, and return the report as JSON values."""
    started = time.monotonic()
    say("importing PyTorch")
    import onnx
    import onnxruntime
    import torch

    from designer.export.exporter import OPSET, export_model, load_weights
    from designer.export.parity import compare
    from designer.export.report import LIMITS, ExportReport
    from designer.export.session import open_session
    from designer.export.sizes import trace_point
    from designer.render import load_model

    bound_memory(spec["memory_limit_bytes"], "cpu")
    folder = Path(spec["directory"])
    partial = folder / ".partial"  # what is served or sampled from meanwhile stays whole
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    model = load_model(folder / "source", spec["class"])().eval()
    weights = load_weights(model, spec["weights"])
    point = trace_point(spec["axes"], spec["training"].get("sample_shape"))
    say("exporting")
    files = export_model(model, spec, point, partial / "model.onnx")
    if spec["precision"] == "fp16":
        from designer.export.half import to_half

        say("converting to fp16")
        to_half(partial / "model.onnx")
    session = open_session(partial / "model.onnx", "cpu")
    parity = list(compare(model, session, spec, point, say)) if spec["check"] else []
    for name in files:
        os.replace(partial / name, folder / name)
    partial.rmdir()
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
        seconds=round(time.monotonic() - started, 1),
        versions={
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    )
    return report.to_json()


if __name__ == "__main__":
    sys.exit(main())
