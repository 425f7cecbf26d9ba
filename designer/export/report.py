"""The report of an export: what was written, and how far ONNX Runtime is from PyTorch."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from designer.errors import UserError

# Relative L2 error that fp32 and fp16 exports may have.
LIMITS = {"fp32": 5e-6, "fp16": 3e-3}


@dataclass(frozen=True)
class Comparison:
    """One output at one size and noise level: errors of ONNX Runtime against PyTorch."""

    output: str
    at: dict[str, int]
    timestep: float | None
    max_abs: float
    mean_abs: float
    relative_l2: float
    ok: bool


@dataclass(frozen=True)
class Difference:
    """Where a failed comparison starts: node of the design, module of the rendered model, ONNX operator, error."""

    node: str
    module: str
    operator: str
    relative_l2: float


@dataclass(frozen=True)
class Fusion:
    """A kind of operator: how many the file has, and how many run as one kernel on the CPU."""

    kind: str
    expected: int
    matched: int


@dataclass(frozen=True)
class Rewritten:
    """The variant for CUDA: its file, its group norms, how many became one operator, how many of these with a SiLU."""

    file: str

    expected: int
    matched: int
    with_silu: int


@dataclass(frozen=True)
class ExportReport:
    """An export. `ok` says that every comparison stayed below the limit of its precision."""

    ok: bool
    model: str
    files: list[str]
    bytes: int
    opset: int
    precision: str
    provider: str
    weights: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    limit: float
    design: dict[str, str]
    training: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, dict[str, Any]] = field(default_factory=dict)
    parity: list[Comparison] = field(default_factory=list)
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    first_difference: Difference | None = None
    fusions: list[Fusion] = field(default_factory=list)
    cuda: Rewritten | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> "ExportReport":
        """Return a report from JSON values as `to_json` gives them."""
        parity = [Comparison(**one) for one in values["parity"]]
        first = values.get("first_difference")
        difference = None if first is None else Difference(**first)
        fusions = [Fusion(**one) for one in values.get("fusions", [])]
        cuda = None if values.get("cuda") is None else Rewritten(**values["cuda"])
        read = {"parity": parity, "first_difference": difference, "fusions": fusions, "cuda": cuda}
        return ExportReport(**{**values, **read})

    @property
    def worst(self) -> Comparison | None:
        """The comparison with the largest relative error."""
        return max(self.parity, key=lambda one: one.relative_l2, default=None)

    def text(self) -> str:
        """Return the report in a few lines."""
        lines = [
            f"{self.model}: {self.bytes / 1e6:.1f} MB, opset {self.opset}, {self.precision}, {self.seconds:.0f} s"
        ]
        for tensor in (*self.inputs, *self.outputs):
            lines.append(f"  {tensor['name']}: {tensor['dtype']}[{', '.join(map(str, tensor['shape']))}]")
        worst = self.worst
        if worst is not None:
            sizes = ", ".join(f"{name}={size}" for name, size in worst.at.items())
            lines.append(
                f"parity with PyTorch over {len(self.parity)} comparisons ({self.provider}, {self.weights}): relative L2 "
                f"≤ {worst.relative_l2:.1e} (limit {self.limit:.0e}), largest at {sizes}: {'ok' if self.ok else 'FAILED'}"
            )
        first = self.first_difference
        if first is not None:
            lines.append(
                f"the first to differ is {first.node} (module {first.module}, operator {first.operator}): "
                f"relative L2 {first.relative_l2:.1e}"
            )
        if self.fusions:
            kernels = ", ".join(f"{one.kind} {one.matched} of {one.expected}" for one in self.fusions)
            lines.append(f"run as one kernel by ONNX Runtime on the CPU: {kernels}")
        if self.cuda is not None:
            lines.append(
                f"{self.cuda.file}: {self.cuda.matched} of {self.cuda.expected} group norms as com.microsoft.GroupNorm, "
                f"{self.cuda.with_silu} with their SiLU; its structure is checked, it was not run"
            )
        return "\n".join(lines)


def read_report(folder: Path) -> ExportReport:
    """Return the report beside an exported model. Raises UserError when there is none."""
    path = folder / "export.json"
    try:
        return ExportReport.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: missing or not a report of `designer export`; export again") from None
