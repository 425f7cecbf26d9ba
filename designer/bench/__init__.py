"""Speed and memory of a network side by side: PyTorch eager, torch.compile, ONNX Runtime.

Importing this package imports neither torch nor onnxruntime.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from designer.bench.report import BenchReport
from designer.document import Design

__all__ = ["BenchReport", "bench"]


def bench(
    source: Design | str | Path,
    against: Sequence[str] = ("eager", "compile", "ort"),
    at: Mapping[str, int] | None = None,
    weights: str | Path | None = None,
    precision: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    rounds: int = 20,
    on_progress: Callable[[str], None] | None = None,
    time_limit_s: float = 1800.0,
) -> BenchReport:
    """Run a design, a run or an export by each way in `against`, in turns, on the same weights and inputs.

    `at` gives sizes such as {"B": 4, "H": 64} (default: batch 1 at the size that the design is trained at). A
    design is exported first, in `precision` fp32 or fp16; an export has its own. PyTorch runs fp16 as autocast.
    Speedups are over the first way that runs here. Raises UserError for what cannot be used, or where nothing runs.
    """
    from designer.bench.runner import Bench

    run = Bench(source, against, at or {}, weights, precision, device, threads, rounds, time_limit_s)
    for message in run.messages():
        if on_progress is not None:
            on_progress(message)
    return run.report()
