"""designer export, serve, sample."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from designer.cli.arguments import add_json, port
from designer.cli.output import print_json


def add_commands(commands: Any) -> None:
    """Add the commands that leave PyTorch."""
    _add_export(commands)
    _add_serve(commands)
    _add_sample(commands)


def _add_export(commands: Any) -> None:
    parser = commands.add_parser(
        "export", help="export to ONNX", description="Export a design to ONNX and compare it."
    )
    parser.add_argument("design", metavar="DESIGN")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, type=Path)
    parser.add_argument("--weights", metavar="FILE", type=Path, help="safetensors file of trained weights")
    parser.add_argument("--precision", default="fp32", help="fp32 or fp16")
    parser.add_argument(
        "--provider", default="cpu", help="cpu, or cuda to add a variant for it: model.cuda.onnx"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 when ONNX Runtime and PyTorch differ")
    add_json(parser)
    parser.set_defaults(run=_export)


def _add_serve(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve exported models",
        description="Serve exported models over the Open Inference Protocol v2.",
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="an export, or a folder of exports")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=partial(port, lowest=0), default=8080)
    parser.set_defaults(run=_serve)


def _add_sample(commands: Any) -> None:
    parser = commands.add_parser(
        "sample", help="draw images", description="Draw images from a trained or exported model."
    )
    parser.add_argument(
        "source", metavar="DESIGN|DIR", type=Path, help="a run, an export, or a design with --weights"
    )
    parser.add_argument("-o", "--output", metavar="PNG", required=True, type=Path)
    parser.add_argument("--sampler", default="ddim", help="ddpm, ddim or euler")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("-n", type=int, default=16, help="number of images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--label", type=int, action="append", help="class of each image; repeat, cycled over the images"
    )
    parser.add_argument("--guidance", type=float, default=1.0, help="classifier-free guidance scale")
    parser.add_argument("--weights", metavar="FILE", type=Path, help="safetensors file, for a design")
    parser.add_argument(
        "--refiner", metavar="RUN", type=Path, help="a run or export that draws the low noise levels"
    )
    parser.add_argument(
        "--split",
        type=float,
        help="noise level of the hand-over: t/T, or σ for edm and ve (default: training.noise_range)",
    )
    parser.add_argument(
        "--decoder",
        metavar="FOLDER",
        type=Path,
        help="a diffusers autoencoder, or the run of one: pictures of the latents that are drawn",
    )
    parser.set_defaults(run=_sample)


def _export(options: argparse.Namespace) -> int:
    from designer.document import load
    from designer.export import export_onnx

    def progress(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    report = export_onnx(
        load(options.design),
        options.output,
        options.weights,
        options.precision,
        check=True,
        on_progress=progress,
        provider=options.provider,
    )
    values = report.to_json()
    if options.json:
        print_json(values)
    else:
        print(report.text())
    return 1 if options.check and not report.ok else 0


def _serve(options: argparse.Namespace) -> int:
    from designer.serve import serve

    serve(options.directory, options.host, options.port)
    return 0


def _sample(options: argparse.Namespace) -> int:
    from designer.sample import sample
    from designer.sample.grid import save_grid

    images = sample(
        options.source,
        sampler=options.sampler,
        steps=options.steps,
        n=options.n,
        seed=options.seed,
        labels=options.label,
        guidance=options.guidance,
        weights=options.weights,
        refiner=options.refiner,
        split=options.split,
        decoder=options.decoder,
    )
    save_grid(images, options.output)
    print(options.output)
    return 0
