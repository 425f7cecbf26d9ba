"""The report of a run: what `report.json` holds, written whole or not at all."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from designer.errors import UserError
from designer.files import write_atomic
from designer.train.record import rounded

FORMAT, FORMAT_VERSION = "smoke-train-report", 1
Verdict = Literal["ok", "warn", "fail", "cancelled", "crashed"]
Bins = list[float | None]


@dataclass(frozen=True)
class ReasonReport:
    """Why the verdict is what it is: see `designer.train.checks.Finding`; seen in `seeds`, out of `of`."""

    code: str
    severity: Literal["WARN", "FAIL"]
    figure: float | None
    threshold: float | None
    message: str
    mechanism: str
    article_section: str
    node: str
    module: str
    noise_bins: list[int]
    step: int | None
    seeds: list[int]
    of: int


@dataclass(frozen=True)
class Crash:
    """How a run ended early: kind, message, the module and node at work if known, and the last output.

    `fits` says, where memory ran out, what is predicted to fit.
    """

    kind: Literal["exception", "memory", "killed", "time"]
    message: str
    module: str = ""
    node: str = ""
    detail: str = ""
    fits: str = ""


@dataclass(frozen=True)
class NodeReport:
    """One module of the rendered model: its figures per noise bin (0: least noise) at the start and the end.

    Activation rms, largest absolute activation over the run, gradient norm of a sample's loss at its output,
    and the median of ‖Δw‖/‖w‖ a step (None for modules without own weights).
    """

    module: str
    node: str
    kind: str
    activation_rms_start: Bins
    activation_rms_end: Bins
    activation_max: Bins
    gradient_norm_start: Bins
    gradient_norm_end: Bins
    update_ratio: float | None


@dataclass(frozen=True)
class PlaceReport:
    """A ratio between two tensors at a place in the model ("module#n": its n-th such operation), per noise
    bin.
    """

    place: str
    node: str
    start: Bins
    end: Bins


@dataclass(frozen=True)
class SeedReport:
    """One seed: its own verdict, curves with one value a step, and measurements.

    `nloss` is the mean over noise bins of MSE / mean square of the target (1: what predicting zero costs).
    Where skips fuse, the four mismatches of the article's section 4: amplitude (`skip_to_trunk`,
    `skip_contribution`), representation (`skip_frequency_gap`), timestep and conditioning, as
    `designer.train.mismatch` defines them.
    """

    seed: int
    verdict: str
    steps_done: int
    final_nloss: float | None
    final_nloss_per_bin: Bins
    loss: list[float | None]
    nloss: list[float | None]
    nloss_per_bin: list[Bins]
    grad_norm: list[float | None]
    probe_steps: list[int]
    nodes: list[NodeReport]
    branch_to_trunk: list[PlaceReport]
    skip_to_trunk: list[PlaceReport]
    skip_contribution: list[PlaceReport]
    attention_logits: list[PlaceReport]
    skip_frequency_gap: list[PlaceReport] = field(default_factory=list)
    skip_timestep_shift: list[PlaceReport] = field(default_factory=list)
    skip_condition_spread: list[PlaceReport] = field(default_factory=list)


@dataclass(frozen=True)
class RunReport:
    """A smoke-train's outcome. `summary` says it in a sentence; `cannot_show` what it says nothing about."""

    verdict: Verdict
    summary: str
    design: dict[str, str]
    device: dict[str, str]
    options: dict[str, Any]
    reasons: list[ReasonReport] = field(default_factory=list)
    minority: list[ReasonReport] = field(default_factory=list)
    not_judged: list[str] = field(default_factory=list)
    cannot_show: str = ""
    crash: Crash | None = None
    versions: dict[str, str] = field(default_factory=dict)
    data: str = ""
    process: dict[str, Any] = field(default_factory=dict)
    sample_shape: list[int] = field(default_factory=list)
    seconds: float = 0.0
    weights: str | None = None
    weights_are: str = ""
    seeds: list[SeedReport] = field(default_factory=list)
    format: str = FORMAT
    format_version: int = FORMAT_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values: five significant digits, None for what is not finite."""
        value: dict[str, Any] = rounded(asdict(self))
        return value

    def write(self, path: Path) -> None:
        """Write the report to `path` atomically."""
        write_atomic(path, json.dumps(self.to_json(), indent=1) + "\n")


def read_report(path: str | Path) -> RunReport:
    """Read a report. Raises UserError when the file is missing or is not a report of a known version."""
    from pydantic import TypeAdapter, ValidationError

    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such report") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise UserError(f"{path}: not a report of a smoke-train (expected format {FORMAT!r})")
    if value.get("format_version") != FORMAT_VERSION:
        received = value.get("format_version")
        raise UserError(f"{path}: report version {received!r}; this program reads {FORMAT_VERSION}")
    try:
        return TypeAdapter(RunReport).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of `report.json`."""
    from pydantic import TypeAdapter

    return TypeAdapter(RunReport).json_schema()


def versions(torch_version: str | None = None) -> dict[str, str]:
    """Return the versions that a run depends on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("diffusion-architecture-designer", "numpy", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "torch": torch_version} if torch_version else found


def sentence(verdict: str, reasons: Sequence[ReasonReport], steps: int, seeds: int) -> str:
    """Return the verdict in one sentence."""
    scale = f"{steps} steps × {seeds} seed{'s' if seeds != 1 else ''}"
    if verdict == "ok":
        return f"OK: nothing suspicious in {scale}"
    if not reasons:
        return f"{verdict.upper()}: {scale}"
    first = reasons[0]
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{verdict.upper()}: {first.code} in {len(first.seeds)} of {first.of} seeds: {first.message}{more}"
