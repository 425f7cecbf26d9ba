"""Run every benchmark, or those whose names are given: `python -m benchmarks [NAME]…`."""

import runpy
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks in alphabetical order; each prints its own table."""
    folder = Path(__file__).parent
    names = [path.stem for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")]
    chosen = sys.argv[1:] or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        print(f"no benchmark is named {unknown[0]!r}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    for name in chosen:
        print(f"== {name}", flush=True)
        sys.argv = [str(folder / f"{name}.py")]
        runpy.run_path(str(folder / f"{name}.py"), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
