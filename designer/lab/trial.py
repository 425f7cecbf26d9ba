"""One trial of a sweep: a smoke-train that is stopped as soon as its verdict cannot change or it is hopeless."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from designer.document import Design
from designer.errors import DesignError
from designer.files import write_atomic
from designer.train.options import TrainOptions

if TYPE_CHECKING:
    from designer.train.runner import RunHandle

HOPELESS = 2.0  # twice what predicting zero costs
_RECENT = 3
_FILE = "outcome.json"


@dataclass(frozen=True)
class Outcome:
    """What came of a trial; `reason` is the run's summary, or why it was stopped early."""

    verdict: str
    reason: str
    nloss: float | None
    seconds: float
    stopped: bool = False

    @property
    def stable(self) -> bool:
        """Whether the run was not judged bad."""
        return self.verdict in ("ok", "warn")

    def write(self, folder: Path) -> None:
        """Keep the outcome in the run's folder: the trial is done."""
        write_atomic(folder / _FILE, json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Outcome | None":
        """Return the outcome of a trial that is done, else None."""
        try:
            return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


class Running:
    """The runs under way, so that an interrupted sweep can stop them all."""

    def __init__(self) -> None:
        self.stopped = Event()
        self._handles: set[RunHandle] = set()
        self._lock = Lock()

    def add(self, handle: "RunHandle") -> None:
        """Note a run; it is cancelled at once if the sweep was stopped meanwhile."""
        with self._lock:
            self._handles.add(handle)
        if self.stopped.is_set():
            handle.cancel()

    def remove(self, handle: "RunHandle") -> None:
        """Forget a run that has ended."""
        with self._lock:
            self._handles.discard(handle)

    def stop(self) -> None:
        """Cancel every run, and those still to come."""
        self.stopped.set()
        with self._lock:
            for handle in self._handles:
                handle.cancel()


class _Watch:
    """Says from a run's events why it need not go on: enough seeds failed, or the loss has left for good."""

    def __init__(self, options: TrainOptions) -> None:
        self._options = options
        self._failed = self._ended = 0
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def reason(self, event: dict[str, Any]) -> str:
        """Take one event; return why to stop, or ""."""
        seeds = len(self._options.seeds)
        if event["type"] == "seed":
            self._recent.clear()
            self._ended += 1
            self._failed += event["verdict"] == "fail"
            decided = 2 * self._failed >= seeds > self._ended
            return f"{self._failed} of {seeds} seeds failed, which decides the verdict" if decided else ""
        if event["type"] != "progress":
            return ""
        if event["step"] * 3 >= event["steps"] and event["step"] < event["steps"]:
            self._recent.append(mean_loss(event) or 0.0)
        if len(self._recent) < _RECENT or min(self._recent) <= HOPELESS:
            return ""
        self._recent.clear()
        return (
            f"hopeless: loss above {HOPELESS:g} × predicting zero at step {event['step']} of {event['steps']}"
        )


def mean_loss(event: dict[str, Any]) -> float | None:
    """Return the normalised loss of a progress event, the mean over its noise levels."""
    known = [value for value in event["loss_per_bin"] if value is not None]
    return sum(known) / len(known) if known else None


def run_trial(
    design: Design,
    options: TrainOptions,
    folder: Path,
    running: Running,
    on_loss: Callable[[float], None] = lambda loss: None,
) -> Outcome | None:
    """Smoke-train into `folder` and return the outcome; None when the sweep was stopped meanwhile."""
    from designer.train.runner import start

    try:
        handle = start(design, folder, options)
    except DesignError as error:  # these parameters make no network: a result like any other
        outcome = Outcome("fail", str(error), None, 0.0)
        outcome.write(folder)
        return outcome
    running.add(handle)
    watch, why = _Watch(options), ""
    try:
        for event in handle.events():
            if event["type"] == "progress" and (loss := mean_loss(event)) is not None:
                on_loss(loss)
            if not why and (why := watch.reason(event)):
                handle.cancel()
        report = handle.wait()
    finally:
        running.remove(handle)
    if running.stopped.is_set():
        return None
    known = [seed.final_nloss for seed in report.seeds]
    finite = [value for value in known if value is not None]
    nloss = sum(finite) / len(finite) if finite and len(finite) == len(known) else None
    outcome = Outcome(
        "fail" if why else report.verdict, why or report.summary, nloss, report.seconds, bool(why)
    )
    outcome.write(folder)
    return outcome
