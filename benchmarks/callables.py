"""The reference configurations through `torch.export`: `python benchmarks/callables.py [NUMBER]…`.

Each class of diffusers is imported as a callable, without its configuration: as a graph of primitives, its
modules as definitions. The table says which operators no block stands for, else how many definitions and
nodes the design has and how far the rendered model is from the source, relative to its largest output.
"""

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks._record import record, table  # noqa: E402
from benchmarks._reference import LISTED, model  # noqa: E402
from designer.check import check  # noqa: E402
from designer.reader import read_design  # noqa: E402
from designer.render import load_model, render  # noqa: E402
from designer.sources.pytorch.worker import run  # noqa: E402
from tests.parity.harness import TOLERANCE, difference, leaves  # noqa: E402

HEADER = ("configuration", "result", "definitions", "nodes", "time")


def main() -> int:
    """Print the table; without numbers of configurations, record it. Exit 1 when one fails."""
    chosen = [int(one) for one in sys.argv[1:]]
    rows = []
    for number, one in enumerate(LISTED):
        if not chosen or number in chosen:
            rows.append((one["id"], *_row(number, one)))
            print("  ".join(rows[-1]), flush=True)
    if not chosen:
        text = table(HEADER, rows, right=frozenset({2, 3, 4}))
        record("coverage.md", "Reference configurations as callables", "python -m benchmarks callables", text)
    return int(any(row[1].startswith("FAIL") for row in rows))


def _row(number: int, one: dict[str, Any]) -> tuple[str, ...]:
    started = time.perf_counter()
    try:
        result, size = _compare(number, one)
    except Exception as error:
        result, size = f"FAIL {type(error).__name__}: {' '.join(str(error).split())[:120]}", ("", "")
    return (result, *size, f"{time.perf_counter() - started:.0f} s")


def _compare(number: int, one: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, "weights.safetensors")
        source = f"benchmarks._reference:model_{number}"
        found = run({"source": source, "folder": str(ROOT), "weights": str(weights)})
        if found["unknown"]:
            return f"unknown: {', '.join(sorted({text.split()[0] for text in found['unknown']}))}", ("", "")
        design = read_design(found["document"])
        size = (str(len(design.definitions)), str(sum(len(d.nodes) for d in design.definitions.values())))
        errors = [problem.message for problem in check(design).diagnostics if problem.severity == "error"]
        if errors:
            return f"FAIL {errors[0]}"[:120], size
        rendering = render(design)
        rendered = load_model(rendering)().eval()
        rendered.load_state_dict(load_file(weights), strict=True)
    module, values = model(one)
    by_name = _by_name(values)
    with torch.no_grad():
        wanted = list(leaves(module(**values)))
        got = list(leaves(rendered(*[by_name[port.name] for port in rendering.inputs])))
    error = difference(got, wanted)
    return f"{'pass' if error <= TOLERANCE else 'FAIL'} {error:.1e}", size


def _by_name(values: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors under the names that an export gives to them: those of nested values joined by underscores."""
    found, _ = torch.utils._pytree.tree_flatten_with_path(values)
    return {re.sub(r"\W+", "_", _key(path)): one for path, one in found}


def _key(path: Any) -> str:
    return "_".join(str(getattr(key, "key", getattr(key, "idx", key))) for key in path)


if __name__ == "__main__":
    sys.exit(main())
