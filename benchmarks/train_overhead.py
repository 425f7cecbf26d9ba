"""What the smoke-train's measurements cost over the bare loop: `python benchmarks/train_overhead.py
[PRESET]…`.

The bare loop makes the batch, runs forward and backward, and takes the step of a fused AdamW; nothing is
recorded. The smoke-train keeps every step's losses and gradient norm on the device and probes every tenth
step. Both run the same steps in turns, so that what else the machine does falls on both; medians of the turns
are compared.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from designer.presets import build
from designer.render import load_model, render, write
from designer.train.data import load_data
from designer.train.inputs import Caller, InputSpec, predicted, sample_shape
from designer.train.loop import PROBE_EVERY, Job, SeedRun, make_batch
from designer.train.options import TrainOptions
from designer.wrapping.noise import Process

_PRESETS = ("ddpm-tiny", "dit-tiny")


def job_of(preset: str, options: TrainOptions, device: torch.device) -> Job:
    """Return the job that a smoke-train of `preset` would run in its child process."""
    design = build(preset)
    rendering = render(design)
    with tempfile.TemporaryDirectory() as folder:
        write(rendering, Path(folder))
        model = load_model(Path(folder))
    inputs = tuple(InputSpec(i.name, i.role, i.shape, i.dtype) for i in rendering.inputs)
    shape = sample_shape(inputs, design.training)
    caller = Caller(inputs, shape, design.training.get("num_classes"))
    return Job(model, load_data(options, shape), Process.of(design.training), caller, options, device)


def bare_loop(job: Job) -> Callable[[int], None]:
    """Return a function that trains one step without recording anything."""
    torch.manual_seed(0)
    model = job.build().to(job.device).train()
    rate = job.options.learning_rate
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.99), fused=True)

    def step(index: int) -> None:
        batch = make_batch(job, 0, index)
        optimizer.zero_grad(set_to_none=True)
        prediction = predicted(model(*batch.arguments), batch.target.shape[1])
        torch.nn.functional.mse_loss(prediction, batch.target).backward()
        optimizer.step()

    return step


def seconds(step: Callable[[int], None], steps: range, device: torch.device) -> float:
    """Return the time that `steps` take, to the end of the device's work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    for index in steps:
        step(index)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def device_name(device: torch.device) -> str:
    """Return the GPU's name, or the CPU with its number of threads."""
    return torch.cuda.get_device_name() if device.type == "cuda" else f"CPU × {torch.get_num_threads()}"


def measure(preset: str, turns: int, batch: int, device: torch.device) -> dict[str, float | str]:
    """Return the times of one step in milliseconds and their ratios."""
    options = TrainOptions(steps=(turns + 1) * PROBE_EVERY, seeds=(0,), batch_size=batch)
    job = job_of(preset, options, device)
    bare = bare_loop(job)
    run = SeedRun(job, 0, lambda event: None)
    times: dict[str, list[float]] = {"bare": [], "unprobed": [], "probed": []}
    for turn in range(turns + 1):
        first = turn * PROBE_EVERY
        rest = range(first + 1, first + PROBE_EVERY)
        probed = seconds(lambda i: run.train_step(i, True), range(first, first + 1), device)
        unprobed = seconds(lambda i: run.train_step(i, False), rest, device) / len(rest)
        plain = seconds(bare, range(first, first + PROBE_EVERY), device) / PROBE_EVERY
        # the first turn warms up
        for name, value in (("bare", plain), ("unprobed", unprobed), ("probed", probed)):
            times[name] += [value] if turn else []
    middle = {name: 1e3 * statistics.median(values) for name, values in times.items()}
    average = (middle["probed"] + (PROBE_EVERY - 1) * middle["unprobed"]) / PROBE_EVERY
    return {
        "preset": preset,
        "device": device_name(device),
        "batch": batch,
        **{f"{name}_ms": round(value, 3) for name, value in middle.items()},
        "probed_step_over_bare": round(middle["probed"] / middle["bare"], 4),
        "unprobed_step_over_bare": round(middle["unprobed"] / middle["bare"], 4),
        "run_over_bare": round(average / middle["bare"], 4),
    }


def main() -> None:
    """Print one JSON object a preset."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("presets", nargs="*", default=_PRESETS)
    parser.add_argument("--turns", type=int, default=15, help="how often ten steps of each are timed")
    parser.add_argument("--batch", type=int, default=16)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for preset in arguments.presets:
        print(json.dumps(measure(preset, arguments.turns, arguments.batch, device)), flush=True)


if __name__ == "__main__":
    main()
