"""A comparison as a sequence of child processes: the export, each contender alone, all of them in turns."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from designer.bench.judging import judged
from designer.bench.report import TITLES, BenchReport
from designer.bench.subject import Asked, find_subject, sizes, specification
from designer.document import Design
from designer.errors import UserError
from designer.export.child import child_environment
from designer.export.report import read_report
from designer.export.session import has_cuda


class Bench:
    """One comparison; `messages` carries it out, `cancel` ends it from another thread."""

    def __init__(
        self,
        source: Design | str | Path,
        against: Sequence[str],
        at: Mapping[str, int],
        weights: str | Path | None,
        precision: str | None,
        device: str,
        threads: int | None,
        rounds: int,
        time_limit_s: float,
    ) -> None:
        wrong = [name for name in against if name not in TITLES]
        if wrong or not against:
            raise UserError(
                f"--against: received {', '.join(wrong) or 'nothing'}; expected of {', '.join(TITLES)}"
            )
        if rounds < 3:
            raise UserError(f"rounds: received {rounds}; expected at least 3")
        if threads is not None and threads < 1:
            raise UserError(f"threads: received {threads}; expected at least 1")
        self.names = list(dict.fromkeys(against))
        self.at, self.rounds, self.weights = at, rounds, weights
        self.device = _device(device)
        self.threads = threads or _cores()
        self.subject = find_subject(source, weights, precision)
        self._deadline, self._limit_s = time.monotonic() + time_limit_s, time_limit_s
        self._child: Any = None
        self._cancelled = False
        self._report: BenchReport | None = None

    def messages(self) -> Iterator[str]:
        """Measure, and yield what is being done. Raises UserError where it cannot go on."""
        with tempfile.TemporaryDirectory(prefix="designer-bench-") as name:
            work = Path(name)
            folder = self.subject if isinstance(self.subject, Path) else work / "export"
            if isinstance(self.subject, Asked):
                yield from self._export(self.subject, folder)
            exported = read_report(folder)
            at = sizes(exported, self.at)
            weights = self.subject.weights if isinstance(self.subject, Asked) else self.weights
            spec = {
                **specification(folder, exported, at),
                "weights_file": None if weights is None else str(Path(weights).resolve()),
                "device": self.device,
                "threads": self.threads,
                "rounds": self.rounds,
            }
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            single: dict[str, dict[str, Any]] = {}
            for one in self.names:
                yield f"measuring {TITLES[one]} alone"
                yield from self._ask({**spec, "alone": one}, work, single, one)
            running = [one for one in self.names if "error" not in single[one]]
            if not running:
                reasons = "; ".join(f"{TITLES[one]}: {single[one]['error']}" for one in self.names)
                raise UserError(f"nothing could be run: {reasons}")
            found: dict[str, dict[str, Any]] = {}
            yield from self._ask({**spec, "names": running}, work, found, "all")
            if "error" in found["all"]:
                raise UserError(f"the comparison failed: {found['all']['error']}")
            facts = {
                "device": self.device,
                "threads": self.threads,
                "rounds": self.rounds,
                "load_average": load,
            }
            self._report = judged(exported, at, self.names, single, found["all"], facts)

    def report(self) -> BenchReport:
        """Return the report, once `messages` is through. Raises UserError when it was cancelled."""
        if self._report is None:
            raise UserError("the comparison was cancelled")
        return self._report

    def cancel(self) -> None:
        """End the comparison; its child process is killed."""
        self._cancelled = True
        child = self._child
        if child is not None:
            child.kill()

    def _export(self, asked: Asked, folder: Path) -> Iterator[str]:
        from designer.export.runner import ExportProcess

        left = self._left()
        process = ExportProcess(asked.design, folder, asked.weights, asked.precision, False, left, None)
        self._child = process.process
        yield from process.messages()
        self._require_going()
        process.report()

    def _ask(
        self, spec: Mapping[str, Any], work: Path, answers: dict[str, dict[str, Any]], key: str
    ) -> Iterator[str]:
        """Run the worker, yield its messages, and put its answer, or its "error", under `key`."""
        self._require_going()
        path, log = work / "spec.json", work / "log.txt"
        path.write_text(json.dumps(spec), encoding="utf-8")
        environment = {**child_environment(), "TORCHINDUCTOR_CACHE_DIR": str(work / "inductor")}
        answer: dict[str, Any] = {}
        with log.open("wb") as errors:
            self._child = process = subprocess.Popen(
                [sys.executable, "-P", "-m", "designer.bench.worker", str(path)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment,
            )  # fmt: skip
            timer = _killer(process, self._left())
            try:
                for line in process.stdout or ():
                    event = _event(line)
                    if "progress" in event:
                        yield event["progress"]
                    answer = event.get("value") or ({"error": event["error"]} if "error" in event else answer)
                status = process.wait()
            finally:
                process.kill()
                process.wait()
                timer.cancel()
        self._require_going()
        answers[key] = answer or {
            "error": f"its process ended with status {status}, maybe for want of memory"
        }

    def _left(self) -> float:
        return max(0.1, self._deadline - time.monotonic())

    def _require_going(self) -> None:
        if self._cancelled:
            raise UserError("the comparison was cancelled")
        if time.monotonic() > self._deadline:
            raise UserError(f"the comparison took longer than {self._limit_s:g} s")


def _event(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}  # a library's own print
    return found if isinstance(found, dict) else {}


def _killer(process: "subprocess.Popen[bytes]", seconds: float) -> threading.Timer:
    """Return a started timer that kills the process."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return timer


def _device(asked: str) -> str:
    """Return "cuda" or "cpu". Raises UserError for others, and for a GPU that is not there."""
    if asked not in ("auto", "cpu", "cuda"):
        raise UserError(f"device: received {asked!r}; expected auto, cpu or cuda")
    if asked == "cuda" and not has_cuda():
        raise UserError("device cuda: this machine has none; use cpu")
    return "cuda" if asked != "cpu" and has_cuda() else "cpu"


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
