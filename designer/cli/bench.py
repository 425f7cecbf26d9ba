"""designer bench."""

import argparse
import sys
from pathlib import Path
from typing import Any

from designer.cli.arguments import add_json, operating_point
from designer.cli.output import print_json, print_table


def add_commands(commands: Any) -> None:
    """Add the comparison of speeds."""
    parser = commands.add_parser(
        "bench",
        help="compare eager, torch.compile and ONNX Runtime",
        description="Time PyTorch eager, torch.compile and ONNX Runtime in turns, on the same weights and inputs.",
    )
    parser.add_argument("source", metavar="DIR|DESIGN", help="an export, a run, or a design")
    parser.add_argument(
        "--against", default="eager,compile,ort", metavar="NAMES", help="of eager, compile, ort"
    )
    parser.add_argument("--at", metavar="SIZES", help="such as B=4,H=64,W=64 (default: batch 1)")
    parser.add_argument("--weights", metavar="FILE", type=Path, help="safetensors file of trained weights")
    parser.add_argument("--precision", help="fp32 or fp16 (default: the export's, or fp32)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, help="of each contender on a CPU (default: one a core)")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--plot", metavar="SVG", type=Path, help="write a plot")
    parser.add_argument("--time-limit", type=float, default=1800.0, metavar="SECONDS")
    add_json(parser)
    parser.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> int:
    from designer.bench import bench
    from designer.bench.plot import plot
    from designer.bench.report import HEADER
    from designer.files import write_atomic

    def progress(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    report = bench(
        options.source,
        [name for name in options.against.split(",") if name],
        operating_point(options.at),
        options.weights,
        options.precision,
        options.device,
        options.threads,
        options.rounds,
        progress,
        options.time_limit,
    )
    if options.plot is not None:
        write_atomic(options.plot, plot(report))
    if options.json:
        print_json(report.to_json())
    else:
        print(report.heading())
        print_table(HEADER, report.rows(), right=frozenset(range(1, len(HEADER))))
        for note in report.notes():
            print(note)
    return 0 if report.ok else 1
