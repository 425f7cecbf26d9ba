"""Starts a smoke-train in a child process and follows it.

Events are dictionaries: {"type": "status", "message"}, {"type": "progress", "seed", "step", "steps", "loss",
"grad_norm", "loss_per_bin": [8], "grad_per_bin": [8], "seconds_left"}, {"type": "seed", "seed", "verdict",
"final_nloss"} and at the end {"type": "verdict", "verdict", "summary", "reasons"}, or {"type": "error",
"message"} when the call cannot be used.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.errors import UserError
from designer.files import write_atomic
from designer.origin import known_nodes, nodes_of_lines
from designer.train.board import FOLDER, write_board
from designer.train.fitting import what_fits
from designer.train.freezing import require_parts
from designer.train.inputs import InputSpec, require_noise, sample_shape
from designer.train.limits import memory_bound
from designer.train.options import TrainOptions
from designer.train.page import html
from designer.train.report import Crash, RunReport, read_report, versions
from designer.train.spec import RunSpec
from designer.train.teacher import teacher_spec
from designer.wrapping.noise import Process

if TYPE_CHECKING:
    from designer.document import Design

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_GRACE_S = 20.0
_TAIL = 4000
_STALE = ("report.json", "report.html", "weights.safetensors", "events.jsonl", "worker.log")


def start(design: "Design", out_dir: str | Path, options: TrainOptions) -> "RunHandle":
    """Render `design` into `out_dir`/source and start its smoke-train; returns at once.

    Raises UserError when the folder, the design's training settings or the options cannot be used.
    """
    from designer.document import save
    from designer.render import render, write

    run_dir = prepare_folder(out_dir)
    rendering = render(design)
    first = rendering.outputs[0]
    if first.role == "control":
        raise UserError(
            f"{design.main}: its output {first.name!r} is a control for another network, which has no target of "
            f"its own; train it inside a design that calls it beside its backbone, frozen (training.frozen)"
        )
    save(design, run_dir / "design.json")
    write(rendering, run_dir / "source", force=True)
    inputs = tuple(InputSpec(i.name, i.role, tuple(i.shape), i.dtype) for i in rendering.inputs)
    known = known_nodes(rendering.source_map)
    spec = RunSpec(
        run_dir=run_dir,
        source=run_dir / "source",
        module=rendering.module,
        class_name=rendering.class_name,
        inputs=inputs,
        options=options,
        training=design.training,
        known=known,
        lines=nodes_of_lines(rendering.source_map),
        design_name=design.name,
        design_hash=design.hash(),
    )
    return launch(spec)


def prepare_folder(out_dir: str | Path) -> Path:
    """Make the run's folder, without an earlier run's results. Raises UserError if that fails."""
    run_dir = Path(out_dir).resolve()
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        for name in _STALE:
            (run_dir / name).unlink(missing_ok=True)
        shutil.rmtree(run_dir / FOLDER, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{out_dir}: cannot be used as the run's folder: {error.strerror}") from None
    return run_dir


def launch(spec: RunSpec) -> "RunHandle":
    """Start the child process of `spec`. Raises UserError for settings that cannot be used."""
    sample_shape(spec.inputs, spec.training)
    process = Process.of(spec.training, spec.options.schedule, spec.options.prediction)
    require_noise(spec.inputs, process.schedule)
    if spec.options.teacher is not None:
        teacher_spec(spec.options.teacher, spec.inputs, process)
    require_parts(spec.training, spec.known)
    path = spec.run_dir / "spec.json"
    write_atomic(path, json.dumps(spec.to_json(), indent=1) + "\n")
    return RunHandle(spec, path)


def _keep_beside(report: RunReport, run_dir: Path) -> None:
    """Write the report as a page, and its curves for TensorBoard, beside it."""
    from designer.train.repeat import kept_design

    design = kept_design(run_dir) if (run_dir / "design.json").exists() else None
    write_atomic(run_dir / "report.html", html(report, design))
    write_board(report, run_dir)


class RunHandle:
    """A running smoke-train. `events()` may be iterated by several threads, each seeing every event."""

    def __init__(self, spec: RunSpec, spec_file: Path) -> None:
        self.spec = spec
        self._events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._ended = False
        self._cancelled = False
        self._timed_out = False
        self._report: RunReport | None = None
        self._user_error = ""
        self._log = (spec.run_dir / "worker.log").open("wb")
        # -P and an explicit path: nothing in the run's folder can shadow a module of the worker
        paths = [str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "designer.train.worker", str(spec_file), "--watch-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=spec.run_dir,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._timer = threading.Timer(spec.options.time_limit_s + _GRACE_S, self._out_of_time)
        self._timer.daemon = True
        self._timer.start()
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield every event from the first on, waiting for new ones, until the run has ended."""
        seen = 0
        while True:
            with self._changed:
                while len(self._events) == seen and not self._ended:
                    self._changed.wait()
                fresh = self._events[seen:]
            if not fresh:
                return
            seen += len(fresh)
            yield from fresh

    def cancel(self) -> None:
        """Ask the run to end after its present step; it is killed if it has not ended 20 s later."""
        self._cancelled = True
        self._close_stdin()
        timer = threading.Timer(_GRACE_S, self._process.kill)
        timer.daemon = True
        timer.start()

    def wait(self) -> RunReport:
        """Wait for the end and return the report. Raises UserError when the call could not be used."""
        self._follower.join()
        if self._user_error:
            raise UserError(self._user_error)
        if self._report is None:
            raise RuntimeError("the run ended without a report")
        return self._report

    @property
    def running(self) -> bool:
        """Say whether the run has not ended yet."""
        return not self._ended

    def _follow(self) -> None:
        """Read the child's events until it ends, then see to it that there is a report."""
        try:
            for line in self._process.stdout or ():
                self._add(line)
            status = self._process.wait()
            self._timer.cancel()
            self._close_stdin()
            self._log.close()
            self._conclude(status)
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _add(self, line: bytes) -> None:
        event = json.loads(line)
        if event["type"] == "error":
            self._user_error = event["message"]
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def _conclude(self, status: int) -> None:
        path = self.spec.run_dir / "report.json"
        if path.exists():
            self._report = read_report(path)
            _keep_beside(self._report, self.spec.run_dir)
            return
        if self._user_error:
            return
        self._report = self._report_of_death(status)
        self._report.write(path)
        _keep_beside(self._report, self.spec.run_dir)
        with self._changed:
            self._events.append(
                {
                    "type": "verdict",
                    "verdict": self._report.verdict,
                    "summary": self._report.summary,
                    "reasons": [],
                }
            )

    def _report_of_death(self, status: int) -> RunReport:
        """Return the report of a child that ended without writing one."""
        log = (self.spec.run_dir / "worker.log").read_text(encoding="utf-8", errors="replace")[-_TAIL:]
        crash: Crash | None
        if self._cancelled:
            verdict, summary, crash = "cancelled", "CANCELLED on request", None
        elif self._timed_out:
            text = f"killed {_GRACE_S:g} s past the time limit of {self.spec.options.time_limit_s:g} s"
            verdict, summary, crash = "cancelled", f"CANCELLED: {text}", Crash("time", text, detail=log)
        else:
            how = f"by signal {-status}" if status < 0 else f"with exit status {status}"
            hint = "; the system may have run out of memory" if status == -9 else ""
            text = f"the training process ended {how}{hint}"
            limit = memory_bound(self.spec.options.memory_limit_bytes, "cpu")
            fits = what_fits(self.spec.run_dir, self.spec.options, limit) if status == -9 else ""
            crash = Crash("killed", text, detail=log, fits=fits)
            verdict, summary = "crashed", f"CRASHED: {text}{f'; {fits}' if fits else ''}"
        return RunReport(
            verdict=verdict,  # type: ignore[arg-type]
            summary=summary,
            design={"name": self.spec.design_name, "hash": self.spec.design_hash},
            device={"kind": "unknown", "name": "unknown", "precision": self.spec.options.precision},
            options=self.spec.options.to_json(),
            versions=versions(),
            crash=crash,
        )

    def _out_of_time(self) -> None:
        self._timed_out = True
        self._process.kill()

    def _close_stdin(self) -> None:
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                return
