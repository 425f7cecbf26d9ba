"""The bounds of a training process: memory, time, and a parent that may go away."""

import os
import threading
import time
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/memory.max")


class Stopper:
    """Says when a run must end: `reason` is "" while it may go on, then "cancelled" or "time"."""

    def __init__(self, time_limit_s: float) -> None:
        self._deadline = time.monotonic() + time_limit_s
        self._cancelled = threading.Event()

    @property
    def reason(self) -> str:
        """Return why the run must end, or ""."""
        if self._cancelled.is_set():
            return "cancelled"
        return "time" if time.monotonic() > self._deadline else ""

    def should_stop(self) -> bool:
        """Say whether the run must end."""
        return bool(self.reason)

    def watch_stdin(self) -> None:
        """Cancel when standard input ends: the parent closes it to cancel, and its death closes it too."""

        def wait() -> None:
            # the bare descriptor: a reader object held here would be torn down under us at exit
            while os.read(0, 4096):
                continue
            self._cancelled.set()

        threading.Thread(target=wait, daemon=True).start()


def machine_memory() -> int:
    """Return the memory in bytes that this machine, or the container around this process, may use."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        physical = 8 * 2**30
    try:
        return min(physical, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return physical


def memory_bound(limit_bytes: int | None, device: str) -> int:
    """Return the bytes that a training on "cpu" or "cuda" may use."""
    if device != "cuda":
        return limit_bytes or machine_memory() * 4 // 5
    import torch

    total: int = torch.cuda.get_device_properties(0).total_memory
    return min(total, limit_bytes or total)


def bound_memory(limit_bytes: int | None, device: str) -> None:
    """Bound the memory of "cpu" or "cuda", where the samples and the model are; past it an allocation fails.

    On a GPU the bound is a share of its memory, and None leaves it whole: the process's own memory is not
    bounded there, since the driver maps far more than it uses. Elsewhere see `_bound_private`.
    """
    if device != "cuda":
        _bound_private(memory_bound(limit_bytes, device))
    elif limit_bytes is not None:
        import torch

        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit_bytes / total))


def _bound_private(limit_bytes: int) -> None:
    """Let this process allocate `limit_bytes` more than it holds now.

    Past it an allocation fails as an ordinary error. Works where the kernel counts private writable memory
    (Linux);
    elsewhere the system's own limit is what remains.
    """
    try:
        import resource

        wanted = _private_bytes() + limit_bytes
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    except (ImportError, OSError, ValueError):
        return


def _private_bytes() -> int:
    """Return VmData of this process in bytes (Linux). Raises OSError elsewhere."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise OSError("VmData is not in /proc/self/status")
