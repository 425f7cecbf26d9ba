"""Predicted cost beside measured: `python -m benchmarks memory [--record]`, `python benchmarks/memory.py [PRESET…]`.

Each network runs on fake tensors, which have sizes and no values, so that full sizes can be measured on any
machine. FLOPs are those of torch's own counter; memory is the peak of live storages, counted from the operators
that run (`benchmarks/_live.py`): a forward pass without gradients, and a training step with a squared error, as
designed and with every innermost repeat checkpointed. Memory is that of activations and gradients, without
weights and the moments of AdamW, which are known exactly and would make errors look smaller.
"""

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks._live import LiveMemory  # noqa: E402
from benchmarks._record import record, table  # noqa: E402
from designer.cli.output import quantity  # noqa: E402
from designer.dims import Dim  # noqa: E402
from designer.document import Design  # noqa: E402
from designer.memory import checkpoints  # noqa: E402
from designer.presets import Preset, presets  # noqa: E402
from designer.render import load_model, render  # noqa: E402
from designer.shapes.frame import Frame  # noqa: E402
from designer.shapes.values import Stack, Value  # noqa: E402
from designer.shapes.values import Tensor as Shape  # noqa: E402
from designer.summary import Summary, elaborated, summarize  # noqa: E402

LARGE = (
    "ddpm-cifar10", "dit-s-2", "dit-xl-2", "uvit-cifar10-s", "edm2-img512-xs", "pixart-alpha-256", "sd15",
    "sdxl-base", "sd3-medium",
)  # fmt: skip
BATCH = 2
AIM = 0.1
HEADER = (
    "preset", "parameters", "FLOPs", "= torch", "forward", "measured", "error",
    "training", "measured", "error", "checkpointed", "measured", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Predicted and measured bytes."""

    predicted: int
    measured: int

    @property
    def error(self) -> float:
        """How much more is predicted than measured, as a share."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True)
class Result:
    """One preset: its cost, torch's count of FLOPs, memory of forward, training and training with checkpoints."""

    summary: Summary
    flops: int
    memory: tuple[Pair, Pair, Pair]


def compare(preset: Preset) -> Result:
    """Predict and measure one preset at batch 2."""
    design = preset.design
    frame = elaborated(design)
    sizes = {name: BATCH for name in ("B",) if _has_batch(frame)}
    summary = summarize(design, sizes)
    step = summary.memory.weights + summary.memory.optimizer
    flops = count_flops(design, frame, summary.at)
    forward, training = measure(design, frame, summary.at)
    _, saving = measure(checkpoints.checkpointed(design, frame), frame, summary.at)
    memory = (
        Pair(summary.activation_bytes_forward, forward),
        Pair(summary.memory.training - step, training),
        Pair(summary.memory.training_checkpointed - step, saving),
    )
    return Result(summary, flops, memory)


def _has_batch(frame: Frame) -> bool:
    shapes = [value.shape for value in frame.inputs.values() if isinstance(value, Shape)]
    return any("B" in Dim.of(size).symbols for shape in shapes for size in shape)


def count_flops(design: Design, frame: Frame, at: dict[str, int]) -> int:
    """Return what torch counts; attention written out, since the fused kernel of the CPU is not counted."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = load_model(render(design))().eval()
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            model(*inputs_of(frame, at))
    return int(counter.get_total_flops())


def measure(design: Design, frame: Frame, at: dict[str, int], fake: bool = True) -> tuple[int, int]:
    """Return the peak bytes of a forward pass and of a training step, beside weights and buffers."""
    with FakeTensorMode(allow_non_fake_inputs=True) if fake else torch.enable_grad():
        model = load_model(render(design))().train()
        inputs = inputs_of(frame, at)
        with LiveMemory() as live:
            live.hold([list(model.parameters()), list(model.buffers())])
            base = live.live
            live.hold(inputs)
            with torch.no_grad():
                outputs = _floats(model(*inputs))
                forward = live.peak - base
                targets = [torch.zeros_like(one) for one in outputs]
            del outputs
            gc.collect()
            live.peak = live.live
            losses = [F.mse_loss(*pair) for pair in zip(_floats(model(*inputs)), targets, strict=True)]
            torch.autograd.backward(torch.stack(losses).sum())
            return forward, live.peak - base


def _floats(values: Any) -> list[Tensor]:
    return [one for one in tree_leaves(values) if isinstance(one, Tensor) and one.is_floating_point()]


def inputs_of(frame: Frame, at: dict[str, int]) -> list[Any]:
    """Return one value for each input of the network."""
    return [_input(value, at) for value in frame.inputs.values()]


def _input(value: Value | None, at: dict[str, int]) -> Any:
    if isinstance(value, Stack):
        return [
            _input(item, at) for item, count in value.runs for _ in range(int(Dim.of(count).evaluate(at)))
        ]
    assert value is not None
    shape = [int(Dim.of(size).evaluate(at)) for size in value.shape]
    if value.dtype == "int64":
        return torch.zeros(shape, dtype=torch.int64)
    return torch.ones(shape, dtype=torch.bool) if value.dtype == "bool" else torch.randn(shape)


def _row(name: str, one: Result) -> tuple[str, ...]:
    cells = [name, f"{one.summary.parameters:,}", quantity(one.summary.flops)]
    cells.append("yes" if one.summary.flops == one.flops else f"{one.summary.flops / one.flops - 1:+.2%}")
    for pair in one.memory:
        cells += [quantity(pair.predicted, "B"), quantity(pair.measured, "B"), f"{pair.error:+.1%}"]
    return tuple(cells)


def _rows(chosen: Sequence[str]) -> Iterator[tuple[str, Result]]:
    for preset in presets():
        if preset.id in chosen:
            print(f"{preset.id} …", file=sys.stderr, flush=True)
            yield preset.id, compare(preset)


def _within(name: str, one: Result) -> list[str]:
    parts = ("forward", "training", "checkpointed training")
    missed = [
        f"{name}: {part} {pair.error:+.1%}"
        for part, pair in zip(parts, one.memory, strict=True)
        if abs(pair.error) > AIM
    ]
    return missed + ([f"{name}: FLOPs"] if one.summary.flops != one.flops else [])


def _section(names: Sequence[str]) -> tuple[str, bool]:
    """Return the table of these presets, what misses the aims below it, and whether anything does."""
    found = dict(_rows(names))
    lines = [table(HEADER, [_row(*one) for one in found.items()], right=frozenset(range(1, 13)))]
    errors = [abs(pair.error) for one in found.values() for pair in one.memory]
    missed = [line for one in found.items() for line in _within(*one)]
    lines.append(
        f"{len(errors)} peaks: {sum(one <= AIM for one in errors)} within 10 %, mean error "
        f"{sum(errors) / len(errors):.1%}, largest {max(errors):.1%}; "
        f"FLOPs equal in {sum(one.flops == one.summary.flops for one in found.values())} of {len(found)}"
    )
    lines += [f"misses: {'; '.join(missed)}"] if missed else []
    return "\n".join(lines), bool(missed)


def main() -> int:
    """Print the tables and what misses the aims (equal FLOPs, memory within 10 %); exit 1 when anything does."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "presets", nargs="*", help="presets by name, by default every tiny one and some full sizes"
    )
    parser.add_argument("--sizes", choices=("tiny", "full"), help="one of the two tables")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/memory.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tiny = tuple(one.id for one in presets() if "tiny" in one.id)
    sections = {"tiny": ("Tiny presets", tiny), "full": ("Full sizes", LARGE)}
    if options.presets:
        sections = {"": ("Chosen presets", tuple(options.presets))}
    failed = False
    for size, (heading, names) in sections.items():
        if options.sizes in (None, size):
            text, missed = _section(names)
            failed = failed or missed
            print(f"{heading}, batch {BATCH}\n{text}", flush=True)
            if options.record:
                record("memory.md", f"{heading}, batch {BATCH}", "python -m benchmarks memory --record", text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
