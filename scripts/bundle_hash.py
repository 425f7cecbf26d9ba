"""Says whether the committed editor bundle was built from the sources in frontend/; needs no Node.js.

    python scripts/bundle_hash.py           exit 1 and a reason when the bundle is stale
    python scripts/bundle_hash.py --write   after `npm run build`: record what it was built from

`designer/ui/dist/SOURCES.sha256` holds one hash of all sources and one of each built file.
"""

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
DIST = ROOT / "designer" / "ui" / "dist"
RECORD = DIST / "SOURCES.sha256"
CONFIGURATION = ("package.json", "package-lock.json", "vite.config.ts", "svelte.config.js", "tsconfig.json")


def sources() -> list[Path]:
    """Return the files that decide what is built, in a fixed order."""
    files = [FRONTEND / name for name in CONFIGURATION]
    files += sorted(
        (path for path in (FRONTEND / "src").rglob("*") if path.is_file()), key=lambda path: path.as_posix()
    )
    return files


def digest(path: Path) -> str:
    """Return the hash of a file; text counts the same with either kind of line end."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def record() -> str:
    """Return the text of the record for the files as they are now."""
    whole = hashlib.sha256()
    for path in sources():
        whole.update(f"{path.relative_to(FRONTEND).as_posix()} {digest(path)}\n".encode())
    built = sorted(path for path in DIST.iterdir() if path != RECORD)
    lines = [
        f"{whole.hexdigest()}  frontend",
        *(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in built),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or compare the record; return the exit status."""
    now = record()
    if sys.argv[1:] == ["--write"]:
        RECORD.write_text(now, encoding="utf-8")
        return 0
    before = RECORD.read_text(encoding="utf-8") if RECORD.exists() else ""
    if now == before:
        return 0
    stale = [line.split("  ")[1] for line in now.splitlines() if line not in before.splitlines()]
    print(
        f"designer/ui/dist does not fit {', '.join(stale)}; run `npm ci && npm run build` in frontend/",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
