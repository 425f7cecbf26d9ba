"""designer import."""

import argparse
import sys
from pathlib import Path
from typing import Any

from designer.cli.arguments import add_json
from designer.cli.output import print_json
from designer.errors import UserError


def add_commands(commands: Any) -> None:
    """Add the import."""
    parser = commands.add_parser(
        "import",
        help="a design from a diffusers model, an ONNX file or a callable",
        description="Make an editable design of a diffusers configuration, an ONNX file, a Python callable or a rendered file.",
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="config.json, model folder, ONNX file, module:callable, or a model.py that was rendered",
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, type=Path, help="design to write")
    parser.add_argument(
        "--weights", metavar="IN", type=Path, help="safetensors file, index of shards, or folder of them"
    )
    parser.add_argument(
        "--weights-out", metavar="OUT", type=Path, help="safetensors file for the rendered model"
    )
    parser.add_argument("--force", action="store_true", help="overwrite existing files")
    add_json(parser)
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    from designer.document import save
    from designer.sources import import_source

    for path in filter(None, (options.output, options.weights_out)):
        if path.is_dir():
            raise UserError(f"{path}: is a folder; expected the name of a file")
        if path.exists() and not options.force:
            raise UserError(f"{path}: exists; choose another name, or overwrite it with --force")
    if options.source.endswith(".py"):
        return _reread(options)
    result = import_source(options.source, options.weights, options.weights_out)
    try:
        save(result.design, options.output)
    except OSError as error:
        raise UserError(f"{options.output}: cannot be written ({error.strerror})") from None
    for operator in result.unknown:
        print(f"designer: no block stands for the operator {operator}", file=sys.stderr)
    for problem in result.errors:
        print(f"designer: {problem}", file=sys.stderr)
    if options.json:
        print_json({"design": str(options.output), **result.to_json()})
    else:
        for path in filter(None, (options.output, result.weights)):
            print(path)
    return 1 if result.unknown or result.errors else 0


def _reread(options: argparse.Namespace) -> int:
    """Write the design of a rendered file; blocks that were edited go to a folder beside it."""
    from designer.document import save
    from designer.sources.rendered import read_rendered

    if options.weights or options.weights_out:
        raise UserError("--weights: a rendered model loads its own weights as they are")
    folder = options.output.with_suffix("").with_name(f"{options.output.stem}_blocks")
    result = read_rendered(Path(options.source), folder)
    save(result.design, options.output)
    for edit in result.edits:
        print(f"designer: {edit}", file=sys.stderr)
    if options.json:
        print_json({"design": str(options.output), **result.to_json()})
    else:
        print(options.output)
        if result.folder:
            print(f"{result.folder} (name it with --blocks)")
    return 1 if result.errors else 0
