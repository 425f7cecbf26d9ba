"""The command line: `designer COMMAND`. Results on stdout, messages on stderr, exit 0, 1 (bad design or run) or 2."""

import argparse
import os
import sys
from collections.abc import Sequence

from designer.cli import (
    bench,
    browser,
    catalogues,
    deployment,
    designs,
    extending,
    importing,
    runs,
    surgery,
    sweep,
    training,
)
from designer.cli.arguments import add_extensions, use_extensions
from designer.errors import DesignError, UserError
from designer.version import __version__

EXIT_BAD, EXIT_UNUSABLE, EXIT_INTERRUPTED = 1, 2, 130


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(
        prog="designer",
        description="Design diffusion architectures: check, render to PyTorch, smoke-train, export and serve.",
        epilog="designer COMMAND --help tells more of a command.",
    )
    parser.add_argument("--version", action="version", version=f"designer {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for group in (
        browser,
        catalogues,
        designs,
        extending,
        importing,
        surgery,
        training,
        sweep,
        runs,
        deployment,
        bench,
    ):
        group.add_commands(commands)
    for command in commands.choices.values():
        add_extensions(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = build_parser().parse_args(arguments)
    try:
        use_extensions(options)
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except DesignError as error:
        print(f"designer: {error}", file=sys.stderr)
        return EXIT_BAD
    except UserError as error:
        print(f"designer: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        print("designer: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a path that cannot be used, a full disk
        where = f"{error.filename}: " if error.filename else ""
        print(f"designer: {where}{error.strerror or error}", file=sys.stderr)
        return EXIT_UNUSABLE
