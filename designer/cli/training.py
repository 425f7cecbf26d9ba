"""designer train."""

import argparse
import sys
from pathlib import Path
from typing import Any

from designer.cli.arguments import add_json
from designer.cli.output import print_json


def add_commands(commands: Any) -> None:
    """Add the smoke-train."""
    parser = commands.add_parser(
        "train",
        help="smoke-train: is it stable, where does it break",
        description="Train a design briefly in a child process and judge its stability.",
    )
    parser.add_argument("design", metavar="DESIGN")
    parser.add_argument("-o", "--output", metavar="RUN", required=True, type=Path, help="folder of the run")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seed", type=int, action="append", help="repeat for several seeds (default: 0 1 2)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--precision", default="fp32", help="fp32, bf16 or fp16")
    parser.add_argument(
        "--data", default="auto", help="auto, digits, photos, leaves, fields, latents, or a folder of images"
    )
    parser.add_argument("--schedule", help="linear, cosine, flow, edm or ve (default: the design's)")
    parser.add_argument("--prediction", help="epsilon, v, x0 or flow (default: the design's)")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument(
        "--ema", type=float, help="decay of a moving average of the weights, kept for sampling"
    )
    parser.add_argument(
        "--start-from", metavar="RUN|FILE", help="weights to start from, of the model or of one part of it"
    )
    parser.add_argument("--teacher", metavar="RUN", help="learn what this run's network predicts")
    parser.add_argument(
        "--teacher-guidance", type=float, default=1.0, help="classifier-free guidance of the teacher"
    )
    parser.add_argument(
        "--autoencoder",
        metavar="FOLDER",
        help="a diffusers autoencoder, or the run of one: train on its latents",
    )
    parser.add_argument("--time-limit", type=float, default=3600.0, metavar="SECONDS")
    add_json(parser)
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    from designer.document import load
    from designer.train import train
    from designer.train.options import DATASETS, TrainOptions

    named = options.data in DATASETS
    settings = TrainOptions(
        steps=options.steps,
        batch_size=options.batch_size,
        seeds=tuple(options.seed or (0, 1, 2)),
        device=options.device,
        precision=options.precision,
        data=options.data if named else "folder",
        data_folder=None if named else options.data,
        schedule=options.schedule,
        prediction=options.prediction,
        learning_rate=options.learning_rate,
        ema=options.ema,
        time_limit_s=options.time_limit,
        start_from=options.start_from,
        teacher=options.teacher,
        autoencoder=options.autoencoder,
        teacher_guidance=options.teacher_guidance,
    )
    report = train(load(options.design), options.output, settings, _Progress(sys.stderr))
    values = report.to_json()
    if options.json:
        print_json(values)
    else:
        print(f"{report.verdict.upper()}: {report.summary}")
        for reason in report.reasons:
            print(f"  {reason.severity} {reason.code} {reason.node}: {reason.message}")
        print(options.output / "report.json")
    return 0 if report.verdict in ("ok", "warn") else 1


class _Progress:
    """A line on a terminal, rewritten; elsewhere a line every tenth of the run."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.live = stream.isatty()
        self.last: tuple[int, int] | None = None

    def __call__(self, event: dict[str, Any]) -> None:
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
