"""designer new-block."""

import argparse
import keyword
import re
from pathlib import Path
from typing import Any

from designer.errors import UserError


def add_commands(commands: Any) -> None:
    """Add the skeleton of a custom block."""
    parser = commands.add_parser(
        "new-block",
        help="write the skeleton of a block of your own",
        description="Write a block that works, with its declaration and a test, to change into your own.",
    )
    parser.add_argument("name", metavar="NAME", help="name of the block and its class, such as GatedMixer")
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, type=Path, help="folder of blocks")
    parser.add_argument("--force", action="store_true", help="overwrite existing files")
    parser.set_defaults(run=_new_block)


def _new_block(options: argparse.Namespace) -> int:
    from designer.catalogue import catalogue
    from designer.files import write_atomic
    from designer.templating import fill

    name = options.name
    if not name.isascii() or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise UserError(f"received {name!r:.60}; expected the name of a class, such as GatedMixer")
    if name in catalogue():
        raise UserError(f"a block is named {name!r} already; choose another name")
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    files = {f"{module}.py": "block/block.py.jinja", f"tests/test_{module}.py": "block/test_block.py.jinja"}
    for path in files:
        if (options.output / path).exists() and not options.force:
            raise UserError(f"{options.output / path}: exists; overwrite it with --force")
    for path, template in files.items():
        write_atomic(options.output / path, fill(template, name=name, module=module))
        print(options.output / path)
    return 0
