"""Every tiny preset through `designer export --check`: `python -m benchmarks export [--presets ID…] [--precision fp16]`.

Each is exported with random weights in every parameter, and ONNX Runtime is compared with PyTorch at both ends
of the certificate and between, batches 1 to 4, three noise levels. The error is the largest relative L2 of
any output anywhere.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks._record import record, table  # noqa: E402
from designer.errors import UserError  # noqa: E402
from designer.export import export_onnx  # noqa: E402
from designer.export.report import LIMITS  # noqa: E402
from designer.presets import build, presets  # noqa: E402

HEADER = ("preset", "passes", "relative L2", "of output", "MB", "seconds")


def main() -> int:
    """Print the table, keep it in results/export.md; exit 1 when an export fails or differs."""
    tiny = [preset.id for preset in presets() if "tiny" in preset.id]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presets", nargs="+", default=tiny, metavar="ID")
    parser.add_argument("--precision", default="fp32", choices=LIMITS)
    parser.add_argument("--jobs", type=int, default=1, help="exports at a time")
    options = parser.parse_args()
    rows = []
    with ThreadPoolExecutor(options.jobs) as pool:  # each export is a process of its own
        for row in pool.map(partial(exported, options.precision), options.presets):
            rows.append(row)
            print("  ".join(row), flush=True)
    passed = sum(row[1] == "yes" for row in rows)
    verdict = (
        f"{passed} of {len(rows)} pass; the limit of {options.precision} is {LIMITS[options.precision]:g}"
    )
    text = f"{table(HEADER, rows, right=frozenset({2, 4, 5}))}\n\n{verdict}"
    print(f"\n{verdict}")
    if options.presets == tiny:
        command = "python -m benchmarks export" + ("" if options.precision == "fp32" else " --precision fp16")
        record("export.md", f"Exports of the tiny presets, {options.precision}", command, text)
    return int(passed < len(rows))


def exported(precision: str, preset: str) -> tuple[str, ...]:
    """Return the row of one preset."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = export_onnx(build(preset), folder, precision=precision)
        except UserError as error:
            return (preset, "NO", "", str(error), "", f"{time.perf_counter() - started:.0f}")
    worst = report.worst
    assert worst is not None
    return (
        preset,
        "yes" if report.ok else "NO",
        f"{worst.relative_l2:.1e}",
        worst.output,
        f"{report.bytes / 1e6:.1f}",
        f"{time.perf_counter() - started:.0f}",
    )


if __name__ == "__main__":
    sys.exit(main())
