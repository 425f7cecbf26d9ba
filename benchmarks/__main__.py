"""Run every benchmark, or those whose names are given, or one with options: `python -m benchmarks [NAME… [OPTION]…]`."""

import runpy
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks in alphabetical order; each prints its own table."""
    folder = Path(__file__).parent
    names = [path.stem for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")]
    given = sys.argv[1:]
    first = next((index for index, one in enumerate(given) if one.startswith("-")), len(given))
    chosen, options = given[:first] or names, given[first:]
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        print(f"no benchmark is named {unknown[0]!r}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    for name in chosen:
        print(f"== {name}", flush=True)
        sys.argv = [str(folder / f"{name}.py"), *options]
        runpy.run_path(str(folder / f"{name}.py"), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
