"""A sweep: many designs × settings, each a smoke-train over its seeds; what is done is not done again."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from designer.files import write_atomic
from designer.lab.points import Point
from designer.lab.regions import Range, Row, ranges, svg
from designer.lab.trial import Outcome


@dataclass(frozen=True)
class SweepReport:
    """Every trial with its outcome, in the order of the grid, and the stable ranges."""

    rows: tuple[Row, ...]
    ranges: tuple[Range, ...]

    @property
    def ok(self) -> bool:
        """Whether every design is stable at one setting at least."""
        return {row.point.label for row in self.rows} == {
            row.point.label for row in self.rows if row.outcome.stable
        }

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        rows = [row.to_json() for row in self.rows]
        return {"ok": self.ok, "trials": rows, "ranges": [one.to_json() for one in self.ranges]}


def sweep(
    points: Sequence[Point],
    folder: Path,
    address: str | None = None,
    jobs: int | None = None,
    on_outcome: Callable[[Point, Outcome, int, int], None] = lambda point, outcome, done, of: None,
) -> SweepReport:
    """Run every trial that is not done yet; write `folder`/sweep.json and stable.svg, and return what they hold.

    Without an address the trials run here, `jobs` at a time, under Optuna; with one, on that Ray cluster.
    Raises UserError where the engine is not installed.
    """
    from designer.lab.cluster import require_ray, run_on_cluster
    from designer.lab.pool import require_optuna, run_in_pool

    require_optuna() if address is None else require_ray()
    outcomes = {
        p.name: found for p in points if (found := Outcome.read(folder / "runs" / p.name)) is not None
    }
    todo = [point for point in points if point.name not in outcomes]

    def keep(point: Point, outcome: Outcome) -> None:
        outcomes[point.name] = outcome
        on_outcome(point, outcome, len(outcomes), len(points))

    if todo and address is not None:
        run_on_cluster(todo, folder, address, keep)
    elif todo:
        count = min(len(todo), jobs or default_jobs(todo[0].options.device))
        run_in_pool(_sharing_processors(todo, count), points, folder, count, keep)
    rows = tuple(Row(point, outcomes[point.name]) for point in points if point.name in outcomes)
    report = SweepReport(rows, tuple(ranges(rows)))
    write_atomic(folder / "sweep.json", json.dumps(report.to_json(), indent=1) + "\n")
    write_atomic(folder / "stable.svg", svg(rows) + "\n")
    return report


def default_jobs(device: str) -> int:
    """Return how many trials run at a time: one a processor on "cpu", else one, since a GPU is shared."""
    return max(1, os.cpu_count() or 1) if device == "cpu" else 1


def _sharing_processors(points: Sequence[Point], jobs: int) -> list[Point]:
    """Give each of several trials at a time its share of the processors, unless threads were asked for."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return [
        replace(point, options=replace(point.options, threads=threads))
        if jobs > 1 and point.options.threads is None
        else point
        for point in points
    ]
