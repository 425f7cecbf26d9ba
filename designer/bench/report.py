"""What a comparison of speeds found: one entry a contender, as a table or as JSON values."""

from dataclasses import asdict, dataclass, field
from typing import Any

TITLES = {"eager": "PyTorch eager", "compile": "torch.compile", "ort": "ONNX Runtime"}


@dataclass(frozen=True)
class Contender:
    """One way to run the network. Where it could not run, `unavailable` says why and the figures are None.

    `speedup` is the median over the rounds of the baseline's time over this one's, `speedup_quartiles` its
    spread; `first_call_s` includes loading and compiling; `peak_bytes` is what a process of its own takes, past
    its imports, while it is called; `relative_l2` is how far its outputs are from the baseline's.
    """

    name: str
    title: str
    unavailable: str | None = None
    median_ms: float | None = None
    quartiles_ms: tuple[float, float] | None = None
    speedup: float | None = None
    speedup_quartiles: tuple[float, float] | None = None
    first_call_s: float | None = None
    peak_bytes: int | None = None
    relative_l2: float | None = None


@dataclass(frozen=True)
class BenchReport:
    """A comparison. `ok` says that something was timed and that all outputs agree within `limit`."""

    ok: bool
    design: dict[str, str]
    weights: str
    device: str
    device_name: str
    threads: int
    precision: str
    at: dict[str, int]
    rounds: int
    baseline: str
    limit: float
    load_average: float | None
    contenders: list[Contender]
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return asdict(self)

    @property
    def timed(self) -> list[Contender]:
        """The contenders that ran."""
        return [one for one in self.contenders if one.unavailable is None]

    def rows(self) -> list[tuple[str, ...]]:
        """Return the cells of the table, `HEADER` above them."""
        return [_row(one) for one in self.timed]

    def heading(self) -> str:
        """Return what was compared, in a line."""
        sizes = ", ".join(f"{name}={size}" for name, size in self.at.items())
        return (
            f"{self.design['name']} at {sizes}, {self.precision}, {self.device_name}, {self.threads} threads, "
            f"{self.weights}, {self.rounds} interleaved rounds"
        )

    def notes(self) -> list[str]:
        """Return what could not run, and what the reader must know of the figures."""
        found = [f"{one.title}: {one.unavailable}" for one in self.contenders if one.unavailable]
        far = [one for one in self.timed if one.relative_l2 is not None and not one.relative_l2 <= self.limit]
        found += [
            f"{one.title}: its outputs differ, relative L2 {one.relative_l2:.1e}, limit {self.limit:.0e}"
            for one in far
        ]
        if self.load_average is not None and self.load_average > 1.5:
            found.append(
                f"the machine was busy (load {self.load_average:.1f} before the start): compare ratios, not times"
            )
        return found


HEADER = ("contender", "median ms", "quartiles", "speedup", "its quartiles", "first call s", "peak MB", "L2")


def _row(one: Contender) -> tuple[str, ...]:
    assert one.median_ms is not None and one.quartiles_ms and one.speedup is not None
    assert one.speedup_quartiles and one.first_call_s is not None and one.relative_l2 is not None
    return (
        one.title,
        f"{one.median_ms:.2f}",
        "–".join(f"{value:.2f}" for value in one.quartiles_ms),
        f"{one.speedup:.2f}×",
        "–".join(f"{value:.2f}" for value in one.speedup_quartiles),
        f"{one.first_call_s:.1f}",
        "" if one.peak_bytes is None else f"{one.peak_bytes / 1e6:.0f}",
        f"{one.relative_l2:.1e}",
    )
