"""Every preset and every reference configuration: `python benchmarks/coverage.py [CONFIGURATIONS.json]`.

Presets: parameters counted from the design, the published count, and the largest error of the family's tiny
sizes and variants against code that nobody here wrote (the parity tests, run once with --parity).
Configurations: each is imported, given the reference's random weights and compared with it; errors are
relative to the largest magnitude of each output.
With --full nothing of this: published models at their own size (all of them take some hours on two cores),
recorded in results/coverage.md row by row.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from designer.cli.output import print_table  # noqa: E402
from designer.errors import UserError  # noqa: E402
from designer.presets import presets  # noqa: E402

# The parity tests that compare a family's tiny sizes and variants.
TESTS = {
    "adm": "test_pixel_unets", "cogvideox": "test_cogvideox test_video_presets", "controlnet": "test_latent",
    "ddpm": "test_ddpm_published test_pixel_unets", "dit": "test_dit_paper test_dit_published", "edm": "test_pixel_unets",
    "edm2": "test_pixel_unets", "flux": "test_flux", "gaussian-set": "test_point_set", "hdit": "test_hdit",
    "hunyuan-dit": "test_hunyuan", "iddpm": "test_pixel_unets", "latte": "test_latte test_video_presets",
    "ncsnpp": "test_pixel_unets", "pixart": "test_pixart", "sc-tuner": "test_latent_presets", "sd3": "test_mmdit",
    "sdxl": "test_latent", "stable-diffusion": "test_latent", "stable-diffusion-attached": "test_latent_presets",
    "svd": "test_svd test_video_presets", "t2i-adapter": "test_latent", "uvit": "test_uvit_paper", "wan": "test_wan test_video_presets",
}  # fmt: skip


def main() -> int:
    """Print both tables; exit 1 when a count differs or a configuration neither passes nor is refused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "configurations", nargs="?", type=Path, default=ROOT / "tests/parity/diffusers_configs.json"
    )
    parser.add_argument(
        "--parity", action="store_true", help="run the parity tests for the errors of presets"
    )
    parser.add_argument("--full", nargs="*", metavar="MODEL", help="models at full size (default: all)")
    options = parser.parse_args()
    if options.full is not None:
        return _full(options.full)
    errors = _parity_errors() if options.parity else {}
    rows = list(_presets(errors))
    header = ("preset", "parameters", "published", "equal", "largest error of the family")
    print_table(header, rows, right=frozenset({1, 2}))
    print()
    results = []
    for one in json.loads(options.configurations.read_text(encoding="utf-8"))["configs"]:
        results.append(_configuration(one))
        print("  ".join(results[-1]), flush=True)
    passed = sum(result[1] == "pass" for result in results)
    refused = sum(result[1] == "refused" for result in results)
    print(f"\n{passed} of {len(results)} configurations pass, {refused} are refused by name")
    return int(any(row[3] == "no" for row in rows) or passed + refused < len(results))


def _full(names: Sequence[str]) -> int:
    """Measure models at full size; those measured before stay in the table."""
    from benchmarks._full_size import HEADER, rows
    from benchmarks._record import RESULTS, record, table

    store = RESULTS / "full_size.json"
    failed = False
    for row in rows(names):
        print("  ".join(row), flush=True)
        failed |= "FAIL" in row[4]
        kept = json.loads(store.read_text(encoding="utf-8")) if store.exists() else []
        kept = [one for one in kept if one[:2] != list(row[:2])] + [list(row)]
        kept.sort(key=lambda one: (int(one[2].replace(",", "") or 0), one[0]))
        store.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        text = table(HEADER, kept, right=frozenset({2, 3, 5}))
        record("coverage.md", "Published models at full size", "python -m benchmarks coverage --full", text)
    return int(failed)


def _presets(errors: dict[str, float]) -> Iterator[tuple[str, ...]]:
    for one in presets():
        count = one.parameters
        equal = "–" if one.published is None else "yes" if one.published == count else "no"
        published = "–" if one.published is None else f"{one.published:,}"
        measured = [errors[name] for name in TESTS.get(one.family, "").split() if name in errors]
        yield one.id, f"{count:,}", published, equal, f"{max(measured):.1e}" if measured else "–"


def _parity_errors() -> dict[str, float]:
    """Run the parity tests; return the largest error of each file of tests."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "errors.jsonl")
        environment = {**os.environ, "PARITY_LOG": str(log)}
        command = [sys.executable, "-m", "pytest", "-q", "tests/parity", "-k", "not export"]
        subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    found: dict[str, float] = {}
    for line in lines:
        name = Path(line["test"].partition("::")[0]).stem
        found[name] = max(found.get(name, 0.0), line["error"])
    return found


def _configuration(one: dict[str, Any]) -> tuple[str, ...]:
    from tests.parity.harness import TOLERANCE, compare

    started = time.perf_counter()
    try:
        parity = compare(one["constructor"], one["kwargs"], one["inputs"])
        good = parity.error <= TOLERANCE and parity.parameters == one["param_count"]
        outcome = (
            "pass" if good else "FAIL",
            f"error {parity.error:.1e}",
            f"{parity.outputs} outputs",
            f"{parity.parameters:,} parameters",
        )
    except UserError as error:
        outcome = ("refused", str(error), "", "")
    except Exception as error:
        outcome = ("FAIL", f"{type(error).__name__}: {' '.join(str(error).split())[:160]}", "", "")
    return (one["id"], *outcome, f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
