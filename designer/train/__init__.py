"""The smoke-train: a short, bounded training run in a child process that ends in a verdict with reasons.

Importing this package imports no torch; the child process does.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.train.options import TrainOptions

if TYPE_CHECKING:
    from designer.document import Design
    from designer.train.report import RunReport

__all__ = ["TrainOptions", "train"]


def train(
    design: "Design",
    out_dir: str | Path,
    options: TrainOptions | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> "RunReport":
    """Smoke-train `design` in a child process and return the report that is also in `out_dir`/report.json.

    `on_event` receives each event of the run (see `designer.train.runner`) as it arrives.
    Raises UserError when the options, the data or the device cannot be used; a crash of the
    training itself is a report, not an exception.
    """
    from designer.train.runner import start

    run = start(design, out_dir, options or TrainOptions())
    for event in run.events():
        if on_event is not None:
            on_event(event)
    return run.wait()
