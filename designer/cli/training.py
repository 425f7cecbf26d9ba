"""designer train."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.cli.arguments import add_json
from designer.cli.output import print_json
from designer.errors import UserError

if TYPE_CHECKING:
    from designer.document import Design
    from designer.train.report import RunReport

# The names of TrainOptions that the command line sets as they are.
_SETTINGS = (
    "steps", "batch_size", "device", "precision", "schedule", "prediction", "learning_rate", "ema", "start_from",
    "teacher", "teacher_guidance", "autoencoder", "time_limit_s", "threads",
)  # fmt: skip


def add_commands(commands: Any) -> None:
    """Add the smoke-train."""
    parser = commands.add_parser(
        "train",
        help="smoke-train: is it stable, where does it break",
        description="Train a design briefly in a child process and judge its stability. The run's folder keeps the "
        "design, its source, report.json, report.html and, where tensorboardX is installed, files for TensorBoard.",
    )
    parser.add_argument("design", metavar="DESIGN", nargs="?")
    parser.add_argument("-o", "--output", metavar="RUN", required=True, type=Path, help="folder of the run")
    parser.add_argument(
        "--from",
        dest="repeat",
        metavar="RUN",
        type=Path,
        help="repeat this run, or train DESIGN on its seeds and batches; options given here replace its own",
    )
    add_settings(parser)
    parser.add_argument("--seed", type=int, action="append", help="repeat for several seeds (default: 0 1 2)")
    add_json(parser)
    parser.set_defaults(run=_train)


def add_settings(parser: Any) -> None:
    """Add the options of a smoke-train, except its seeds; what is not given is absent from the result."""

    def add(*names: str, **details: Any) -> None:
        parser.add_argument(*names, default=argparse.SUPPRESS, **details)

    add("--steps", type=int, help="default: 150")
    add("--batch-size", type=int, help="default: 16")
    add("--device", help="auto, cpu or cuda")
    add("--precision", help="fp32, bf16 or fp16")
    add("--data", help="auto, digits, photos, leaves, fields, latents, or a folder of images")
    add("--schedule", help="linear, cosine, flow, edm or ve (default: the design's)")
    add("--prediction", help="epsilon, v, x0 or flow (default: the design's)")
    add("--learning-rate", type=float, help="default: 0.001")
    add("--ema", type=float, help="decay of a moving average of the weights, kept for sampling")
    add("--start-from", metavar="RUN|FILE", help="weights to start from, of the model or of one part of it")
    add("--teacher", metavar="RUN", help="learn what this run's network predicts")
    add("--teacher-guidance", type=float, help="classifier-free guidance of the teacher")
    add(
        "--autoencoder",
        metavar="FOLDER",
        help="a diffusers autoencoder, or the run of one: train on its latents",
    )
    add("--time-limit", dest="time_limit_s", type=float, metavar="SECONDS", help="of the run (default: 3600)")
    add("--threads", type=int, help="threads on the CPU (default: PyTorch's choice)")


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line set, by the names of TrainOptions."""
    from designer.train.options import DATASETS

    given = {name: value for name, value in vars(options).items() if name in _SETTINGS}
    if "data" in options:
        named = options.data in DATASETS
        given["data"] = options.data if named else "folder"
        given["data_folder"] = None if named else options.data
    if options.seed:
        given["seeds"] = options.seed
    return given


def _train(options: argparse.Namespace) -> int:
    from designer.train import train
    from designer.train.options import TrainOptions

    design, kept = _source(options)
    asked = TrainOptions.from_json({**kept, **settings(options)})
    before = _before(options)
    report = train(design, options.output, asked, Progress(sys.stderr))
    if options.json:
        print_json(report.to_json())
    else:
        print(f"{report.verdict.upper()}: {report.summary}")
        for reason in report.reasons:
            print(f"  {reason.severity} {reason.code} {reason.node}: {reason.message}")
        print(options.output / "report.json")
    if before is not None:
        from designer.train.repeat import compared

        print(f"{options.repeat}: {compared(before, report)}", file=sys.stderr)
    return 0 if report.verdict in ("ok", "warn") else 1


def _source(options: argparse.Namespace) -> "tuple[Design, dict[str, Any]]":
    """Return the design, and the options of the run that is repeated, if any."""
    from designer.document import load
    from designer.train.repeat import kept_design, kept_options

    if options.repeat is None and options.design is None:
        raise UserError("train: expected a DESIGN, or --from RUN to repeat a run")
    if options.repeat is not None and options.repeat.resolve() == options.output.resolve():
        raise UserError(f"-o {options.output}: is the run that --from repeats; expected another folder")
    kept = {} if options.repeat is None else kept_options(options.repeat)
    return load(options.design) if options.design else kept_design(options.repeat), kept


def _before(options: argparse.Namespace) -> "RunReport | None":
    """Return the report to compare with, where a run is repeated and had come to its end."""
    from designer.train.report import read_report

    if options.repeat is None or not (options.repeat / "report.json").exists():
        return None
    return read_report(options.repeat / "report.json")


class Progress:
    """A line on a terminal, rewritten; elsewhere a line every tenth of the run."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.live = stream.isatty()
        self.last: tuple[int, int] | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        """Show one event of a run."""
        if event.get("type") != "progress":
            if self.live and event.get("type") == "verdict":
                print(file=self.stream)
            return
        tenth = (event["seed"], 10 * event["step"] // max(event["steps"], 1))
        left = event.get("seconds_left")
        text = f"seed {event['seed']}  step {event['step']}/{event['steps']}  loss {event['loss']:.4f}"
        text += f"  {left:.0f} s left" if left is not None else ""
        if self.live:
            print(f"\r{text}\x1b[K", end="", file=self.stream, flush=True)
        elif tenth != self.last:
            print(text, file=self.stream, flush=True)
        self.last = tenth
