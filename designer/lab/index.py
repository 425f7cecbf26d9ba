"""The runs below a folder, in an SQLite index that is only a cache: the folders are the truth.

The index is brought up to date whenever it is asked, and made anew where it is missing, corrupt or of another
version. Tags lie in each run's own folder.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from designer.errors import UserError
from designer.lab.folder import Run, is_run, read_run, stamp

NAME, _VERSION = ".designer-runs.sqlite", 1
_COLUMNS = ("name", "design", "hash", "verdict", "steps", "seeds", "learning_rate", "nloss", "device", "seconds",
            "finished", "summary")  # fmt: skip
_TABLES = f"""
    CREATE TABLE IF NOT EXISTS runs (stamp TEXT NOT NULL, {", ".join(_COLUMNS)}, PRIMARY KEY (name));
    CREATE TABLE IF NOT EXISTS tags (name TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (name, tag));
    PRAGMA user_version = {_VERSION};
"""


@dataclass(frozen=True)
class Filter:
    """What runs are looked for: of any of these verdicts, of a design's name or hash, with all of these tags."""

    verdicts: Sequence[str] = ()
    designs: Sequence[str] = ()
    tags: Sequence[str] = ()

    def condition(self) -> tuple[str, list[str]]:
        """Return the SQL condition and its arguments."""
        parts, values = ["1"], list[str]()
        if self.verdicts:
            parts.append(f"verdict IN ({_marks(self.verdicts)})")
            values += self.verdicts
        if self.designs:
            parts.append(
                f"(design IN ({_marks(self.designs)}) OR {' OR '.join(['hash LIKE ?'] * len(self.designs))})"
            )
            values += [*self.designs, *(f"{text}%" for text in self.designs)]
        for tag in self.tags:
            parts.append("EXISTS (SELECT 1 FROM tags WHERE tags.name = runs.name AND tag = ?)")
            values.append(tag)
        return " AND ".join(parts), values


def runs_in(folder: Path, wanted: Filter | None = None) -> list[Run]:
    """Return the runs below `folder` that are wanted, the latest first. Raises UserError when it is no folder."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; expected one that holds runs")
    try:
        return _ask(folder, str(folder / NAME), wanted or Filter())
    except sqlite3.DatabaseError:  # corrupt, or a folder or disk that takes no index
        _remove(folder / NAME)
    try:
        return _ask(folder, str(folder / NAME), wanted or Filter())
    except sqlite3.DatabaseError:
        return _ask(folder, ":memory:", wanted or Filter())


def _ask(folder: Path, database: str, wanted: Filter) -> list[Run]:
    with closing(sqlite3.connect(database)) as connection, connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
            raise sqlite3.DatabaseError("of another version")
        connection.executescript(_TABLES)
        _refresh(connection, folder)
        condition, values = wanted.condition()
        rows = connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE {condition} ORDER BY finished DESC, name", values
        ).fetchall()
        tags: dict[str, list[str]] = {}
        for name, tag in connection.execute("SELECT name, tag FROM tags ORDER BY tag"):
            tags.setdefault(name, []).append(tag)
    return [Run(**dict(zip(_COLUMNS, row, strict=True)), tags=tuple(tags.get(row[0], ()))) for row in rows]


def _refresh(connection: sqlite3.Connection, folder: Path) -> None:
    """Bring the index up to date: read the runs that changed, forget those that are gone."""
    known: dict[str, str] = dict(connection.execute("SELECT name, stamp FROM runs"))
    found = {path.relative_to(folder).as_posix(): path for path in run_folders(folder)}
    for name in known.keys() - found.keys():
        _forget(connection, name)
    for name, path in found.items():
        if known.get(name) == (now := stamp(path)):
            continue
        run = read_run(path, name)
        _forget(connection, name)
        values: list[Any] = [now, *(getattr(run, column) for column in _COLUMNS)]
        connection.execute(f"INSERT INTO runs VALUES ({_marks(values)})", values)
        connection.executemany("INSERT INTO tags VALUES (?, ?)", [(name, tag) for tag in run.tags])


def run_folders(folder: Path) -> Iterator[Path]:
    """Yield the runs in `folder` and in its folders (a sweep's runs), no deeper than two levels."""
    for path in sorted(one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()):
        if is_run(path):
            yield path
        else:
            yield from (one for one in sorted(path.glob("*/")) if is_run(one))
            yield from (one for one in sorted(path.glob("runs/*/")) if is_run(one))


def _forget(connection: sqlite3.Connection, name: str) -> None:
    for table in ("runs", "tags"):
        connection.execute(f"DELETE FROM {table} WHERE name = ?", (name,))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
