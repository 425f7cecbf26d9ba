"""designer sweep."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.cli.arguments import add_json
from designer.cli.output import print_json, print_table
from designer.cli.training import add_settings, settings
from designer.errors import UserError

if TYPE_CHECKING:
    from designer.lab.points import Point
    from designer.lab.sweep import SweepReport
    from designer.lab.trial import Outcome


def add_commands(commands: Any) -> None:
    """Add the sweep."""
    parser = commands.add_parser(
        "sweep",
        help="many smoke-trains: where is each design stable",
        description="Smoke-train designs × settings over the same seeds, here (Optuna) or on a Ray cluster. Called "
        "again with the same folder it goes on where it was; trials that are done are not done again.",
    )
    parser.add_argument("designs", metavar="DESIGN", nargs="+")
    parser.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="NAME=VALUE,…",
        help="a training option (lr, batch_size, precision…) or a parameter of the designs, and its values; repeatable",
    )
    parser.add_argument("--address", metavar="RAY", help="a Ray cluster: auto, HOST:PORT or ray://HOST:PORT")
    parser.add_argument(
        "--jobs", type=int, help="trials at a time (default: one a processor on the cpu, else one)"
    )
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, default=Path("sweep"), help="default: sweep"
    )
    parser.add_argument("--seed", type=int, action="append", help="each trial's seeds (default: 0 1 2)")
    add_settings(parser)
    add_json(parser)
    parser.set_defaults(run=_sweep)


def _sweep(options: argparse.Namespace) -> int:
    from designer.lab.points import points, read_grid
    from designer.lab.sweep import sweep

    if options.jobs is not None and options.jobs < 1:
        raise UserError(f"--jobs: received {options.jobs}, expected at least 1")
    trials = points(options.designs, read_grid(options.grid), settings(options))
    report = sweep(trials, options.output, options.address, options.jobs, _progress)
    if options.json:
        print_json(report.to_json())
    else:
        _print(report, options.output)
    return 0 if report.ok else 1


def _progress(point: "Point", outcome: "Outcome", done: int, of: int) -> None:
    told = " ".join([point.label, *(f"{name}={value}" for name, value in point.settings.items())])
    print(f"{done}/{of} {told}: {outcome.verdict}: {outcome.reason}", file=sys.stderr, flush=True)


def _print(report: "SweepReport", folder: Path) -> None:
    names = list(report.rows[0].point.settings) if report.rows else []
    rows = [
        (
            row.point.label,
            *(str(row.point.settings[name]) for name in names),
            row.outcome.verdict,
            "" if row.outcome.nloss is None else f"{row.outcome.nloss:.4f}",
            f"{row.outcome.seconds:.0f} s",
            row.outcome.reason,
        )
        for row in report.rows
    ]
    print_table(("design", *names, "verdict", "loss", "time", "reason"), rows)
    for one in report.ranges:
        print(one)
    print(folder / "stable.svg")
