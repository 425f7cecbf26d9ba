"""What is predicted at initialisation beside what is measured: `python benchmarks/stability.py [PRESET]…`.

Every tiny preset that takes a noisy sample runs once, forward and back, on unit noise; the rms of each module's
output and of its gradient is compared with the prediction, which runs nothing and is fitted to nothing. Factors
are max(predicted, measured) / min of the two: their median and 90th percentile. Gradients are those for a unit
gradient at the output; a last layer that starts at 0 is drawn anew, since nothing would get through it. `zeros`
counts modules whose gradient is exactly 0 on both sides, and those where only one side says so.
"""

import argparse
import math
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from designer.cli.output import print_table  # noqa: E402
from designer.presets import presets  # noqa: E402
from designer.shapes.values import SAMPLES  # noqa: E402
from tests.stability.measure import Comparison, Pair, compare, rank_correlation, together  # noqa: E402

HEADER = (
    "preset", "modules", "rank correlation", "median", "90 %",
    "gradients", "rank correlation", "median", "90 %", "zeros on both sides", "on one",
)  # fmt: skip


def main() -> int:
    """Print the table, a row a preset and one for all; exit 1 when an aim is missed (0.95, a factor of 1.5)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="*", help="presets by name, by default every tiny one")
    chosen = parser.parse_args().presets
    torch.set_num_threads(1)
    found = {
        one.id: compare(one)
        for one in presets()
        if (one.id in chosen if chosen else "tiny" in one.id)
        and any(port["role"] in SAMPLES for port in one.inputs)
    }
    found["all"] = together(list(found.values()))
    print_table(HEADER, [_row(name, one) for name, one in found.items()], right=frozenset(range(1, 11)))
    whole = (found["all"].activations, found["all"].gradients)
    return int(any(rank_correlation(one) < 0.95 or _factor(one, 0.5) > 1.5 for one in whole))


def _row(name: str, one: Comparison) -> tuple[str, ...]:
    zeros = (str(one.silent), str(len(one.unlike)))
    return (name, *_figures(one.activations), *_figures(one.gradients), *zeros)


def _figures(pairs: list[Pair]) -> tuple[str, ...]:
    factors = (f"{_factor(pairs, 0.5):.2f}", f"{_factor(pairs, 0.9):.2f}")
    return (f"{len(pairs):,}", f"{rank_correlation(pairs):.3f}", *factors)


def _factor(pairs: list[Pair], share: float) -> float:
    errors = sorted(one.log_error for one in pairs)
    return math.exp(errors[int(share * (len(errors) - 1))])


if __name__ == "__main__":
    sys.exit(main())
