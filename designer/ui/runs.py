"""Smoke-trains started from the page. The server owns the runs, so a reloaded page finds them again."""

import itertools
import re
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.document import loads
from designer.errors import UserError
from designer.ui.answers import Answer, field, request

if TYPE_CHECKING:
    from designer.train.runner import RunHandle


class _Run:
    """A run and its events so far, collected by a thread that ends with the run."""

    def __init__(self, handle: "RunHandle", folder: Path) -> None:
        self.handle = handle
        self.folder = folder
        self.events: list[dict[str, Any]] = []
        self.done = False
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        try:
            for event in self.handle.events():
                self.events.append(dict(event))
        finally:
            self.done = True


class Runs:
    """Runs below one folder; one at a time, since they share the machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs: dict[str, _Run] = {}
        self._count = itertools.count(1)
        self._lock = threading.Lock()

    def start_training(self, text: str) -> Answer:
        """Start a smoke-train of `document` with `options`: {run, folder}."""
        from designer.train import TrainOptions
        from designer.train.runner import start

        values = request(text)
        design = loads(field(values, "document"))
        options = values.get("options") or {}
        if not isinstance(options, dict):
            raise UserError("options: expected an object")
        with self._lock:
            if any(not run.done for run in self._runs.values()):
                raise UserError("a smoke-train is under way; stop it or wait for its end")
            folder = self._new_folder(design.name)
            name = str(next(self._count))
            self._runs[name] = _Run(start(design, folder, TrainOptions.from_json(options)), folder)
        return {"run": name, "folder": str(folder)}

    def training_events(self, text: str) -> Answer:
        """The events of `run` from number `after` on: {events, done}."""
        values = request(text)
        run = self._run(values)
        done = run.done  # read before the events: what arrives in between is fetched by the next call
        after = values.get("after", 0)
        return {"events": run.events[int(after) :], "done": done}

    def cancel_training(self, text: str) -> Answer:
        """Ask `run` to stop; its verdict still follows."""
        self._run(request(text)).handle.cancel()
        return {}

    def stop(self) -> None:
        """Stop every run that is still going: the server ends."""
        for run in self._runs.values():
            if not run.done:
                run.handle.cancel()

    def _run(self, values: dict[str, Any]) -> _Run:
        run = self._runs.get(field(values, "run"))
        if run is None:
            raise UserError("this run is not known; the server was started anew")
        return run

    def _new_folder(self, design_name: str) -> Path:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", design_name).strip("-").lower() or "design"
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        for number in itertools.count(1):
            folder = self.folder / (f"{stem}-{stamp}" if number == 1 else f"{stem}-{stamp}-{number}")
            if not folder.exists():
                return folder
        raise AssertionError("unreachable")
