"""Tables that a benchmark prints, kept in a file of results under their own heading."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from designer.cli.output import print_table

RESULTS = Path(__file__).with_name("results")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """Return what the command line prints for a table."""
    text = io.StringIO()
    with redirect_stdout(text):
        print_table(tuple(header), [tuple(row) for row in rows], right=right)
    return text.getvalue().rstrip()


def record(file: str, heading: str, command: str, text: str) -> None:
    """Write a section of a file of results, in the place of the one that has this heading."""
    path = RESULTS / file
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    section = f"## {heading}\n\nPrinted by `{command}`.\n\n```\n{text}\n```\n"
    start = present.find(f"## {heading}\n")
    if start < 0:
        path.write_text(f"{present.rstrip()}\n\n{section}".lstrip(), encoding="utf-8")
        return
    following = present.find("\n## ", start + 1)
    rest = present[following:] if following >= 0 else ""
    path.write_text(present[:start] + section + rest, encoding="utf-8")
