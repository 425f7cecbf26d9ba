"""designer surgery."""

import argparse
from pathlib import Path
from typing import Any

from designer.cli.arguments import add_json, assignments
from designer.cli.output import print_json
from designer.errors import UserError


def add_commands(commands: Any) -> None:
    """Add surgery."""
    parser = commands.add_parser(
        "surgery",
        help="insert a gate, adapter or norm into a design",
        description="Insert a part into an edge of a design, keep the weights of the rest, and say whether the "
        "output is unchanged at initialisation by running both.",
    )
    parser.add_argument("design", metavar="DESIGN")
    parser.add_argument("--insert", metavar="KIND", required=True, help="gate, layer-scale, adapter, skip-transform, freeu-skip, qk-norm")  # fmt: skip
    parser.add_argument("--at", metavar="PLACE", required=True, action="append", help="Definition/node.port; repeat for several")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", required=True, type=Path, help="design to write")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="set a parameter of the part")  # fmt: skip
    parser.add_argument("--weights", metavar="F", type=Path, help="safetensors file that fits DESIGN")
    parser.add_argument("--weights-out", metavar="OUT", type=Path, help="safetensors file for the new design")
    parser.add_argument("--force", action="store_true", help="overwrite existing files")
    add_json(parser)
    parser.set_defaults(run=_surgery)


def _surgery(options: argparse.Namespace) -> int:
    from designer.document import load, save
    from designer.surgery import insert
    from designer.surgery.compare import compare

    for path in filter(None, (options.output, options.weights_out)):
        if path.exists() and not options.force:
            raise UserError(f"{path}: exists; choose another name, or overwrite it with --force")
    if options.weights_out and not options.weights:
        raise UserError("--weights-out: expected --weights too, the weights that are kept")
    before = after = load(options.design)
    nodes: list[str] = []
    for at in options.at:
        inserted = insert(after, options.insert, at, assignments(options.set))
        after, nodes = inserted.design, [*nodes, *inserted.nodes]
    comparison = compare(before, after, options.weights, options.weights_out)
    try:
        save(after, options.output)
    except OSError as error:
        raise UserError(f"{options.output}: cannot be written ({error.strerror})") from None
    if options.json:
        print_json({"design": str(options.output), "inserted": nodes, **comparison.to_json()})
        return 0
    print(f"inserted {', '.join(nodes)}")
    print(comparison.text())
    return 0
