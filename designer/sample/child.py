"""Drawing with a rendered PyTorch model, in a child process bounded in time and memory."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from designer.errors import UserError
from designer.export.child import child_environment
from designer.render import write
from designer.sample.loop import Recipe
from designer.sample.samplers import Images
from designer.sample.source import Source


def draw_in_child(
    source: Source,
    recipe: Recipe,
    on_step: Callable[[int, int], None],
    time_limit_s: float,
    start: Images | None = None,
) -> Images:
    """Return the images [n, C, H, W]. Raises UserError when the child fails or runs out of time."""
    assert source.rendering is not None
    with tempfile.TemporaryDirectory(prefix="designer-sample-") as name:
        folder = Path(name)
        if source.code is None:
            write(source.rendering, folder / "source")
        if start is not None:
            np.save(folder / "start.npy", start)
        spec = {
            "start": None if start is None else str(folder / "start.npy"),
            "code": str((source.code or folder / "source").resolve()),
            "class": source.rendering.class_name,
            "weights": str(source.weights),
            "inputs": [vars(one) for one in source.inputs],
            "recipe": recipe.to_json(),
            "images": str(folder / "images.npy"),
        }
        (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        _follow(folder, on_step, time_limit_s)
        images: Images = np.load(folder / "images.npy")
        return images


def _follow(folder: Path, on_step: Callable[[int, int], None], time_limit_s: float) -> None:
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "designer.sample.worker", str(folder / "spec.json")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=child_environment(),
        )  # fmt: skip
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(time_limit_s, stop)
    timer.start()
    reason = ""
    try:
        for line in process.stdout or ():
            event = json.loads(line)
            if "step" in event:
                on_step(*event["step"])
            reason = event.get("error", reason)
        status = process.wait()
    finally:
        process.kill()
        timer.cancel()
    if status:
        end = (
            f"ran past {time_limit_s:g} s"
            if late.is_set()
            else f"ended with status {status}, maybe for want of memory"
        )
        raise UserError(f"sampling failed: {reason or end}")
