"""Exports to ONNX started from the page: `designer export` in a child process, then one archive to download."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from designer.document import loads, save
from designer.errors import UserError
from designer.ui.answers import Answer, field, request

WEIGHTS = "weights.safetensors"
_TAIL = 2000


class _Export:
    """One export: the child process, the last line it said, and what came of it."""

    def __init__(self, command: list[str], folder: Path, root_path: str) -> None:
        self.folder = folder
        self.root_path = root_path
        self.state = "running"
        self.message = ""
        self.report: dict[str, Any] | None = None
        self.download: str | None = None
        self.output = folder.with_suffix(".out")
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(command, stdout=stream, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow, daemon=True).start()

    def cancel(self) -> None:
        if self.state == "running":
            self.state = "cancelled"
            self.process.terminate()

    def _follow(self) -> None:
        said = ""
        for line in self.process.stderr or ():
            said = (said + line)[-_TAIL:]
            self.message = line.strip()
        status = self.process.wait()
        if self.state == "cancelled":
            self.message = "Cancelled"
            return
        self.report = _json(self.output.read_text(encoding="utf-8"))
        if self.report is None or status == 2:
            self.message = said.strip() or "the export ended without a report"
            self.state = "failed"
            return
        archive = shutil.make_archive(str(self.folder), "zip", self.folder)
        self.download = f"{self.root_path}/gradio_api/file={quote(archive)}"
        self.message = ""
        self.state = "done"

    def to_json(self) -> Answer:
        return {
            "state": self.state,
            "message": self.message,
            "report": self.report,
            "download": self.download,
        }


class Exports:
    """Exports below one folder."""

    def __init__(self, folder: Path, runs: Path, root_path: str = "") -> None:
        self.folder = folder
        self.runs = runs
        self.root_path = root_path
        self._jobs: dict[str, _Export] = {}

    def start_export(self, text: str) -> Answer:
        """Export `document`: {job}. `weights` is the folder of a run of this workspace, null for the initial ones."""
        values = request(text)
        design = loads(field(values, "document"))
        name = str(len(self._jobs) + 1)
        target = self.folder / f"{design.hash()}-{name}"
        source = target.with_suffix(".json")
        save(design, source)
        command = [sys.executable, "-m", "designer", "export", str(source), "-o", str(target), "--json"]
        command += ["--precision", field(values, "precision")]
        command += ["--check"] if values.get("check") is True else []
        if values.get("weights") is not None:
            command += ["--weights", str(self._weights(field(values, "weights")))]
        self._jobs[name] = _Export(command, target, self.root_path)
        return {"job": name}

    def export_status(self, text: str) -> Answer:
        """How `job` stands: {state, message, report, download}."""
        return self._job(text).to_json()

    def cancel_export(self, text: str) -> Answer:
        """Stop `job`."""
        self._job(text).cancel()
        return {}

    def stop(self) -> None:
        """Stop every export that is still going: the server ends."""
        for job in self._jobs.values():
            job.cancel()

    def _job(self, text: str) -> _Export:
        job = self._jobs.get(field(request(text), "job"))
        if job is None:
            raise UserError("this export is not known; the server was started anew")
        return job

    def _weights(self, run: str) -> Path:
        path = Path(run).resolve() / WEIGHTS
        if not path.is_relative_to(self.runs.resolve()):
            raise UserError(f"{run}: not a run of this workspace")
        if not path.is_file():
            raise UserError(f"{run}: holds no {WEIGHTS}; the run may have been cancelled before it kept any")
        return path


def _json(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
