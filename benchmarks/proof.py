"""Does the check agree with PyTorch? Random designs, blocks at changed and at free sizes, damaged designs.

What is accepted is rendered and run at admitted sizes; what is refused is handed to PyTorch all the same. A refusal that
PyTorch would run is listed with the rule that it breaks. The seeds are fresh on each run and printed.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "proof.md"
sys.path.insert(0, str(ROOT))

from tests.random_designs import freed, generator, perturbed, tokens  # noqa: E402
from tests.random_designs.perturbed import Outcome  # noqa: E402
from tests.random_designs.test_random_designs import run_at_random_sizes  # noqa: E402

BLOCKS, FREE, DESIGNS = 6000, 1500, 500


def _changed(start: int) -> Iterator[Outcome]:
    for seed in range(start, start + BLOCKS):
        outcome = perturbed.judge(seed)
        if outcome is not None:
            yield outcome


def _free(start: int) -> Iterator[Outcome]:
    for seed in range(start, start + FREE):
        yield from freed.judge(seed)


def _designs(make: Callable[[int], dict[str, object]], start: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for seed in range(start, start + DESIGNS):
        try:
            run_at_random_sizes(make, seed)
            counts["runs as inferred"] += 1
        except AssertionError as error:
            counts["false acceptance or refusal"] += 1
            print(f"seed {seed}: {str(error)[:300]}", flush=True)
    return counts


def _refusals(outcomes: list[Outcome]) -> list[str]:
    """One line for each rule of each block that refuses what PyTorch would run."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        if one.verdict == "refused, PyTorch runs it":
            found.setdefault((one.block, one.reason.split(" ")[0]), []).append(one)
    return [
        f"| {block} | {code} | {len(group)} | {group[0].reason.removeprefix(code).strip().replace('|', '/')} |"
        for (block, code), group in sorted(found.items())
    ]


def main() -> None:
    """Run all parts, print their tables and write them."""
    start = int(time.time()) % 1_000_000 * 10
    changed, free = list(_changed(start)), list(_free(start))
    kinds = ("runs as inferred", "refused, fails in PyTorch", "refused, PyTorch runs it", "false acceptance")
    lines = [
        "# The check beside PyTorch",
        "",
        f"First seed {start}.",
        "",
        f"| what | {' | '.join(kinds)} |",
        "|---" * 5 + "|",
    ]
    for name, outcomes in (("changed blocks", changed), ("blocks with free sizes", free)):
        counts = Counter(one.verdict for one in outcomes)
        lines.append(f"| {name} | {' | '.join(str(counts[kind]) for kind in kinds)} |")
    for name, make in (("random maps", generator.design), ("random transformers", tokens.design)):
        total = _designs(make, start)
        lines.append(f"| {name} | {total['runs as inferred']} | | | {total['false acceptance or refusal']} |")
    lines += [
        "",
        "## Refused, and PyTorch would run it",
        "",
        "| block | rule | times | the first reason |",
        "|---|---|---|---|",
    ]
    lines += _refusals(changed)
    wrong = [one for one in (*changed, *free) if one.verdict == "false acceptance"]
    lines += ["", "## Accepted, and PyTorch does not do it", ""] if wrong else []
    lines += [f"- {one.block} {one.example.inputs} {one.example.params}: {one.reason[:200]}" for one in wrong]
    text = "\n".join(lines) + "\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
