"""The child processes of a comparison: `python -m designer.bench.worker SPEC` prints JSON lines.

Asked for one contender, it loads that alone and measures its memory; asked for all, it times them in turns.
"""

import contextlib
import json
import logging
import platform
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from designer.export.child import end_with_parent
from designer.train.limits import bound_memory

WARM_CALLS = 3


def main() -> int:
    """Measure as the specification on the command line says."""
    end_with_parent()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        import torch

        torch.set_num_threads(spec["threads"])
        bound_memory(None, spec["device"])
        value = alone(spec["alone"], spec) if "alone" in spec else together(spec)
    except Exception as error:  # the reason travels to the parent; the parent decides what to say
        kind = "" if type(error).__name__ in ("RuntimeError", "UserError") else f"{type(error).__name__}: "
        print(json.dumps({"error": f"{kind}{' '.join(str(error).split())[:400]}"}), flush=True)
        return 1
    print(json.dumps({"value": value}), flush=True)
    return 0


def alone(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return how long the first call takes, and the peak of memory over a few more."""
    import onnxruntime  # noqa: F401, imported before the memory is first read, as torch is

    from designer.bench.contenders import contender

    before = _resting(spec["device"])
    started = time.perf_counter()
    run = contender(name, spec)
    run()
    first = time.perf_counter() - started
    _forget_peak()
    for _ in range(WARM_CALLS):
        run()
    peak = _peak(spec["device"])
    return {"first_call_s": first, "peak_bytes": None if before is None or peak is None else peak - before}


def together(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the seconds of each contender, round by round in turns, and its distance from the first."""
    from designer.bench.contenders import contender
    from designer.export.bisect import relative_l2

    runs = {name: contender(name, spec) for name in spec["names"]}
    outputs = {}
    for name, run in runs.items():
        for _ in range(WARM_CALLS):
            outputs[name] = {key: value.float().cpu().numpy() for key, value in run().items()}
    reference = outputs[spec["names"][0]]
    distances = {
        name: max(relative_l2(want, found[key]) for key, want in reference.items())
        for name, found in outputs.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for index in range(spec["rounds"]):
        print(json.dumps({"progress": f"round {index + 1} of {spec['rounds']}"}), flush=True)
        for name in (*names[index % len(names) :], *names[: index % len(names)]):  # each starts in turn
            started = time.perf_counter()
            runs[name]()
            seconds[name].append(time.perf_counter() - started)
    return {"seconds": seconds, "relative_l2": distances, "device_name": _device_name(spec["device"])}


def _device_name(device: str) -> str:
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _resting(device: str) -> int | None:
    """Return the bytes in use: of the GPU once it is awake, else of this process (Linux)."""
    if device == "cuda":
        import torch

        torch.zeros(1, device="cuda")
        free, total = torch.cuda.mem_get_info()
        return total - free
    return _status("VmRSS")


def _peak(device: str) -> int | None:
    """Return the highest use so far. On a GPU, what is in use: neither library gives back what it took."""
    return _resting(device) if device == "cuda" else _status("VmHWM")


def _forget_peak() -> None:
    """Let the peak of this process start anew, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


if __name__ == "__main__":
    sys.exit(main())
