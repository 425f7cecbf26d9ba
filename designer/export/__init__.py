"""Export to ONNX: in a child process, with symbolic sizes, compared with PyTorch.

Importing this package imports neither torch nor onnxruntime.
"""

from collections.abc import Callable
from pathlib import Path

from designer.document import Design
from designer.export.report import ExportReport

__all__ = ["ExportReport", "export_onnx"]


def export_onnx(
    design: Design,
    directory: str | Path,
    weights: str | Path | None = None,
    precision: str = "fp32",
    check: bool = True,
    on_progress: Callable[[str], None] | None = None,
    time_limit_s: float = 1800.0,
    memory_limit_bytes: int | None = None,
    provider: str = "cpu",
) -> ExportReport:
    """Export `design` to `directory`/model.onnx and return the report that is also in export.json.

    `weights` is a safetensors file for the rendered model; without one every parameter is drawn at random, so
    that layers that start at zero take part in the comparison. `check` compares ONNX Runtime with PyTorch.
    `provider` "cuda" adds model.cuda.onnx, with the operators that ONNX Runtime has kernels for on CUDA.
    The child may take `memory_limit_bytes` (None: four fifths of what the machine has).
    Raises UserError when an argument, the weights or the folder cannot be used, DesignError when the design
    has errors, and UserError with the exporter's reason when the export itself fails.
    """
    from designer.export.runner import ExportProcess

    process = ExportProcess(
        design, directory, weights, precision, check, time_limit_s, memory_limit_bytes, provider
    )
    for message in process.messages():
        if on_progress is not None:
            on_progress(message)
    return process.report()
