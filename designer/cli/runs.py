"""designer runs: list, tag, delete and show what smoke-trains left; `designer train --from RUN` repeats one."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.cli.arguments import add_json
from designer.cli.output import print_json, print_table

if TYPE_CHECKING:
    from designer.lab.folder import Run

_VERDICTS = ("ok", "warn", "fail", "cancelled", "crashed", "unfinished")
_HEADER = ("run", "verdict", "design", "steps", "seeds", "rate", "loss", "device", "finished", "tags")


def add_commands(commands: Any) -> None:
    """Add the commands on kept runs."""
    parser = commands.add_parser(
        "runs",
        help="list, tag and delete kept runs",
        description="What smoke-trains left: a folder each. `designer train --from RUN` repeats one.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listed = actions.add_parser("list", help="the runs below a folder, the latest first")
    listed.add_argument("folder", metavar="FOLDER", nargs="?", default=Path("."), type=Path)
    listed.add_argument("--verdict", action="append", choices=_VERDICTS, default=[])
    listed.add_argument(
        "--design", action="append", default=[], metavar="NAME|HASH", help="name, or start of the hash"
    )
    listed.add_argument("--tag", action="append", default=[], help="of several, all")
    add_json(listed)
    listed.set_defaults(run=_list)

    tagged = actions.add_parser("tag", help="add tags to a run, or remove them")
    tagged.add_argument("folder", metavar="RUN", type=Path)
    tagged.add_argument("tags", metavar="TAG", nargs="*")
    tagged.add_argument("--remove", metavar="TAG", action="append", default=[])
    tagged.set_defaults(run=_tag)

    deleted = actions.add_parser("delete", help="delete runs, each with all that is in its folder")
    deleted.add_argument("folders", metavar="RUN", nargs="+", type=Path)
    deleted.set_defaults(run=_delete)

    schema = actions.add_parser("schema", help="the JSON Schema of report.json")
    schema.set_defaults(run=_schema)


def _list(options: argparse.Namespace) -> int:
    from designer.lab.index import Filter, runs_in

    found = runs_in(options.folder, Filter(options.verdict, options.design, options.tag))
    if options.json:
        print_json({"runs": [one.to_json() for one in found]})
    else:
        print_table(_HEADER, [_row(one) for one in found], right=frozenset({3, 4, 5, 6}))
    return 0


def _row(run: "Run") -> tuple[str, ...]:
    return (
        run.name,
        run.verdict,
        run.design,
        str(run.steps),
        str(run.seeds),
        f"{run.learning_rate:g}",
        "" if run.nloss is None else f"{run.nloss:.4f}",
        run.device,
        datetime.fromtimestamp(run.finished).strftime("%Y-%m-%d %H:%M"),
        " ".join(run.tags),
    )


def _tag(options: argparse.Namespace) -> int:
    from designer.lab.folder import tag

    print(" ".join(tag(options.folder, options.tags, options.remove)))
    return 0


def _delete(options: argparse.Namespace) -> int:
    from designer.lab.folder import delete, require_run

    for folder in options.folders:
        require_run(folder)
    for folder in options.folders:
        delete(folder)
    return 0


def _schema(options: argparse.Namespace) -> int:
    from designer.train.report import report_schema

    print_json(report_schema())
    return 0
