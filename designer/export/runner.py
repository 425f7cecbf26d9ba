"""The export's child process: started, followed, bounded in time."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from designer.check import check as check_design
from designer.document import Design, save
from designer.errors import DesignError, UserError
from designer.export.child import child_environment
from designer.export.process import training_of
from designer.export.report import LIMITS, ExportReport
from designer.render import render, write

PROVIDERS = ("cpu", "cuda")


class ExportProcess:
    """One export in a child process that executes the rendered source."""

    def __init__(
        self,
        design: Design,
        directory: str | Path,
        weights: str | Path | None,
        precision: str,
        check: bool,
        time_limit_s: float,
        memory_limit_bytes: int | None,
        provider: str = "cpu",
    ) -> None:
        if provider not in PROVIDERS:
            raise UserError(f"provider: received {provider!r}; expected one of {', '.join(PROVIDERS)}")
        if precision not in LIMITS:
            raise UserError(f"precision: received {precision!r}; expected one of {', '.join(LIMITS)}")
        if weights is not None and not Path(weights).is_file():
            raise UserError(f"{weights}: no such file of weights")
        self.directory = Path(directory)
        if self.directory.exists() and not self.directory.is_dir():
            raise UserError(f"{directory}: is a file; expected a folder")
        spec = self._prepare(design, weights, precision, check)
        spec |= {"memory_limit_bytes": memory_limit_bytes, "provider": provider}
        self._result: dict[str, Any] | None = None
        self._errors: list[str] = []
        command = [sys.executable, "-P", "-m", "designer.export.worker", json.dumps(spec)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # its end, with this process, ends the child
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=child_environment(),
        )
        threading.Thread(target=self._collect_errors, daemon=True).start()
        self._late = ""
        self._timer = threading.Timer(time_limit_s, self._out_of_time, [time_limit_s])
        self._timer.daemon = True
        self._timer.start()

    def _prepare(
        self, design: Design, weights: str | Path | None, precision: str, check: bool
    ) -> dict[str, Any]:
        """Render the design into the folder; return what the child needs to know."""
        checked = check_design(design)
        if not checked.ok or checked.certificate is None:
            first = next(one for one in checked.diagnostics if one.severity == "error")
            raise DesignError(f"the design has errors; first: {first.node}: {first.message}")
        for port in design.main_definition.inputs:
            if port.stack:
                raise UserError(
                    f"{port.name}: is a list of tensors, which an ONNX model cannot take; give each tensor an input "
                    "of its own, or compute it inside the design"
                )
        rendering = render(design)
        write(rendering, self.directory / "source", force=True)
        save(design, self.directory / "design.json")
        axes = {
            one.name: {
                "modulus": one.modulus,
                "residues": list(one.residues),
                "low": one.low,
                "high": one.high,
            }
            for one in checked.certificate.axes
        }
        return {
            "directory": str(self.directory.resolve()),
            "class": rendering.class_name,
            **{key: value for key, value in rendering.to_json().items() if key in ("inputs", "outputs")},
            "source_map": list(rendering.source_map),
            "axes": axes,
            "weights": None if weights is None else str(Path(weights).resolve()),
            "precision": precision,
            "check": check,
            "training": training_of(design, weights),
            "design": {"name": design.name, "hash": design.hash(), "preset": design.preset},
        }

    def messages(self) -> Iterator[str]:
        """Yield what the child says while it works."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # a library's own print
            if isinstance(event, dict) and "progress" in event:
                yield str(event["progress"])
            elif isinstance(event, dict) and "report" in event:
                self._result = event["report"]
            elif isinstance(event, dict) and "error" in event:
                self._errors = [str(event["error"])]
        self.process.wait()
        self._timer.cancel()

    def _out_of_time(self, limit_s: float) -> None:
        self._late = f"it took longer than {limit_s:g} s"
        self.process.kill()

    def cancel(self) -> None:
        """Stop the export."""
        self.process.terminate()

    def report(self) -> ExportReport:
        """Return the report. Raises UserError when the export failed, with its reason."""
        if self._result is None:
            status = self.process.poll()
            ended = f"the export process ended with status {status}"
            reason = self._late or (self._errors[-1] if self._errors else ended)
            raise UserError(f"the export failed: {reason}")
        return ExportReport.from_json(self._result)

    def _collect_errors(self) -> None:
        assert self.process.stderr is not None
        tail = [line.rstrip() for line in self.process.stderr if line.strip()][-1:]
        if not self._errors:
            self._errors = tail
