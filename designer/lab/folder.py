"""A run's folder: what is in it in short, its tags, its end."""

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from designer.errors import UserError
from designer.files import write_atomic
from designer.train.report import RunReport, read_report

_TAGS = "tags.json"
_TAG = re.compile(r"[^\s,]{1,60}")


@dataclass(frozen=True)
class Run:
    """A run in short. `verdict` is "unfinished" without a report; `finished` are seconds since 1970."""

    name: str
    design: str
    hash: str
    verdict: str
    steps: int
    seeds: int
    learning_rate: float
    nloss: float | None
    device: str
    seconds: float
    finished: float
    summary: str
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        return {**asdict(self), "tags": list(self.tags)}


def is_run(path: Path) -> bool:
    """Say whether a folder holds a run: what was asked, and whatever came of it."""
    return (path / "spec.json").is_file() and (path / "design.json").is_file()


def require_run(path: Path) -> Path:
    """Return the folder of a run. Raises UserError when it is none."""
    if not is_run(path):
        raise UserError(f"{path}: not the folder of a run (expected spec.json and design.json in it)")
    return path


def stamp(path: Path) -> str:
    """Return a text that changes with what `read_run` reads."""
    found = []
    for name in ("spec.json", "report.json", _TAGS):
        try:
            status = (path / name).stat()
            found.append(f"{status.st_mtime_ns}:{status.st_size}")
        except OSError:
            found.append("-")
    return " ".join(found)


def read_run(path: Path, name: str) -> Run:
    """Return a run in short, called `name`; a report that cannot be read counts as none, and says why."""
    spec = _values(path / "spec.json")
    options = spec.get("options") or {}
    report, trouble = _report(path)
    losses = [seed.final_nloss for seed in report.seeds] if report else []
    known = [value for value in losses if value is not None]
    return Run(
        name=name,
        design=str(spec.get("design_name", "")),
        hash=str(spec.get("design_hash", "")),
        verdict=report.verdict if report else "unfinished",
        steps=int(options.get("steps", 0)),
        seeds=len(options.get("seeds", ())),
        learning_rate=float(options.get("learning_rate", 0)),
        nloss=sum(known) / len(known) if known and len(known) == len(losses) else None,
        device=report.device.get("name", "") if report else "",
        seconds=report.seconds if report else 0.0,
        finished=(path / ("report.json" if report else "spec.json")).stat().st_mtime,
        summary=report.summary if report else trouble,
        tags=tags_of(path),
    )


def tags_of(path: Path) -> tuple[str, ...]:
    """Return a run's tags, in order."""
    tags = _values(path / _TAGS).get("tags", [])
    return tuple(sorted({tag for tag in tags if isinstance(tag, str)})) if isinstance(tags, list) else ()


def tag(path: Path, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
    """Add and remove tags of a run; return what it has. Raises UserError for a bad tag or no run."""
    added = tuple(add)
    for one in added:
        if not _TAG.fullmatch(one):
            raise UserError(f"tag {one!r}: expected 1 to 60 characters without spaces and commas")
    tags = sorted({*tags_of(require_run(path)), *added} - set(remove))
    write_atomic(path / _TAGS, json.dumps({"tags": tags}) + "\n")
    return tuple(tags)


def delete(path: Path) -> None:
    """Delete a run with all that is in its folder. Raises UserError when it is none."""
    if path.is_symlink():
        raise UserError(f"{path}: is a link; expected the folder of a run itself")
    shutil.rmtree(require_run(path))


def _report(path: Path) -> tuple[RunReport | None, str]:
    if not (path / "report.json").exists():
        return None, "no report: running, or ended without one"
    try:
        return read_report(path / "report.json"), ""
    except UserError as error:
        return None, str(error)


def _values(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
