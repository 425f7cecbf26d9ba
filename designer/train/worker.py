"""The child process of a smoke-train: `python -m designer.train.worker SPEC.json`.

Executes the rendered source of the folder that SPEC names, and nothing else of the design. Events go to
standard output and to RUN/events.jsonl, one JSON object a line; what the rendered code prints goes to
standard error. Exit status: 0 a verdict was reached or the run was stopped, 2 the call cannot be used, 3 the
training crashed. With `--watch-stdin` the end of standard input cancels the run.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from designer.autoencoder import Autoencoder, find_autoencoder, load_autoencoder
from designer.errors import UserError
from designer.origin import origin
from designer.train.autoencoder import channel_weights, latent_data
from designer.train.data import Dataset, load_data
from designer.train.fitting import what_fits
from designer.train.inputs import Caller, sample_shape
from designer.train.limits import Stopper, bound_memory, memory_bound
from designer.train.record import SeedRecord, rounded
from designer.train.report import Crash, RunReport, sentence, versions
from designer.train.spec import RunSpec
from designer.wrapping.noise import Process

if TYPE_CHECKING:
    import torch
    from torch import nn

    from designer.train.loop import Job, SeedRun
    from designer.train.teacher import Teacher


class Events:
    """Writes events as JSON lines to the parent and to RUN/events.jsonl."""

    def __init__(self, stream: IO[str], path: Path) -> None:
        self._stream = stream
        self._file = path.open("w", encoding="utf-8")

    def __call__(self, event: dict[str, Any]) -> None:
        """Write one event; a parent that has gone away is no error."""
        line = json.dumps(rounded(event)) + "\n"
        self._file.write(line)
        self._file.flush()
        try:
            self._stream.write(line)
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            return


@dataclass
class Outcome:
    """What the training of all seeds left: the records, the crash if any, the file of the weights."""

    records: list[SeedRecord]
    crash: Crash | None = None
    weights: str | None = None


def main(arguments: list[str]) -> int:
    """Run the smoke-train of the spec file; return the exit status."""
    spec = RunSpec.from_json(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    events = Events(stream, spec.run_dir / "events.jsonl")
    events({"type": "status", "message": "loading PyTorch"})
    stopper = Stopper(spec.options.time_limit_s)
    _use_threads(spec.options.threads)
    if "--watch-stdin" in arguments:
        stopper.watch_stdin()
    try:
        device, _ = pick_device(spec.options.device, spec.options.precision)
        bound_memory(spec.options.memory_limit_bytes, device.type)
        report = run(spec, events, stopper)
    except UserError as error:
        events({"type": "error", "message": str(error)})
        return 2
    report.write(spec.run_dir / "report.json")
    reasons = report.to_json()["reasons"]
    events({"type": "verdict", "verdict": report.verdict, "summary": report.summary, "reasons": reasons})
    return 3 if report.verdict == "crashed" else 0


def run(spec: RunSpec, events: Callable[[dict[str, Any]], None], stopper: Stopper) -> RunReport:
    """Train every seed and return the report; the weights of the first seed go to RUN/weights.safetensors.

    Raises UserError where the device, the data or the design's training settings cannot be used.
    """
    started = time.monotonic()
    device, device_text = pick_device(spec.options.device, spec.options.precision)
    shape = sample_shape(spec.inputs, spec.training)
    process = Process.of(spec.training, spec.options.schedule, spec.options.prediction)
    data, autoencoder = _data(spec, shape, device)
    events({"type": "status", "message": f"training on {device_text['name']} with {data.description}"})
    from designer.train.loop import Job

    caller = Caller(spec.inputs, shape, spec.training.get("num_classes"))
    build = _builder(spec)
    job = Job(
        build,
        data,
        process,
        caller,
        spec.options,
        device,
        spec.known,
        stopper.should_stop,
        channels=channel_weights(spec.training, shape, autoencoder, data.samples),
        channel_axis=spec.training.get("channel_axis", 1),
        conditioning=spec.training.get("conditioning_channels", 0),
        frozen=tuple(spec.training.get("frozen", ())),
        trainable=tuple(spec.training.get("trainable", ())),
        teacher=_teacher(spec, process, device),
    )
    outcome = _train(job, spec, events)
    facts = {
        "design": {"name": spec.design_name, "hash": spec.design_hash},
        "device": device_text,
        "options": spec.options.to_json(),
        "versions": versions(_torch_version()),
        "data": data.description,
        "process": process.to_json(),
        "sample_shape": list(shape),
        "weights": outcome.weights,
        "weights_are": _weights_text(spec) if outcome.weights else "",
        "seconds": time.monotonic() - started,
    }
    return _report(spec, outcome, stopper.reason, facts)


def pick_device(name: str, precision: str) -> "tuple[torch.device, dict[str, str]]":
    """Return the device of this run and what to say of it. Raises UserError if it cannot be had."""
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError('device "cuda": no CUDA device can be used here; use "cpu" or "auto"')
    kind = "cuda" if available and name != "cpu" else "cpu"
    if kind == "cuda" and precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise UserError(f'precision "bf16": {torch.cuda.get_device_name()} has no bf16; use "fp16" or "fp32"')
    text = torch.cuda.get_device_name() if kind == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    threads = {"threads": str(torch.get_num_threads())} if kind == "cpu" else {}
    return torch.device(kind), {"kind": kind, "name": text, "precision": precision, **threads}


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _data(
    spec: RunSpec, shape: tuple[int, ...], device: "torch.device"
) -> tuple[Dataset, Autoencoder | None]:
    """Return the samples, and the autoencoder whose latents they are, if any."""
    folder = spec.options.autoencoder
    if folder is None:
        return load_data(spec.options, shape), None
    found = find_autoencoder(folder)
    found.require(shape, "the design takes")
    images = (found.image_channels, shape[1] * found.factor, shape[2] * found.factor)
    autoencoder = load_autoencoder(found, device.type)
    return latent_data(autoencoder, load_data(spec.options, images)), autoencoder


def _teacher(spec: RunSpec, process: Process, device: "torch.device") -> "Teacher | None":
    from designer.train.teacher import load_teacher

    options = spec.options
    if options.teacher is None:
        return None
    return load_teacher(options.teacher, spec.inputs, process, options.teacher_guidance, device)


def _builder(spec: RunSpec) -> "Callable[[], nn.Module]":
    """Return what builds the rendered model. The rendered code is executed at the first call."""
    from safetensors.torch import load_file

    from designer.train.starting import load_backbone

    def build() -> "nn.Module":
        if str(spec.source) not in sys.path:
            sys.path.insert(0, str(spec.source))
        model: nn.Module = getattr(importlib.import_module(spec.module), spec.class_name)()
        if spec.options.start_from is not None:
            load_backbone(model, load_file(spec.options.start_from), Path(spec.options.start_from).name)
        return model

    return build


def _train(job: "Job", spec: RunSpec, events: Callable[[dict[str, Any]], None]) -> Outcome:
    from designer.train.loop import SeedRun

    outcome = Outcome([])
    for index, seed in enumerate(spec.options.seeds):
        if job.should_stop():
            break
        run = None
        try:
            run = SeedRun(job, seed, events, index)
            outcome.records.append(run.run())
            if index == 0 and run.record.steps_done:
                outcome.weights = _save_weights(run, spec.run_dir)
        except UserError:
            raise
        except Exception as error:
            outcome.crash = _describe(error, run, spec)
            break
        _announce(run.record, events)
    return outcome


def _announce(record: SeedRecord, events: Callable[[dict[str, Any]], None]) -> None:
    from designer.train.verdict import judge

    verdict = judge([record]).verdict
    events({"type": "seed", "seed": record.seed, "verdict": verdict, "final_nloss": record.final_nloss()})


def _save_weights(run: "SeedRun", folder: Path) -> str:
    """Save the (averaged) weights so that the rendered model loads them strictly; return the file's name."""
    from contextlib import nullcontext

    from safetensors.torch import save_file

    with run.average.applied() if run.average is not None else nullcontext():
        # clones: names that share a tensor are both kept, as strict loading wants
        tensors = {
            name: value.detach().cpu().contiguous().clone() for name, value in run.model.state_dict().items()
        }
    temporary = folder / ".weights.safetensors.tmp"
    save_file(tensors, temporary)
    temporary.chmod(0o644)
    os.replace(temporary, folder / "weights.safetensors")
    return "weights.safetensors"


def _weights_text(spec: RunSpec) -> str:
    kind = f"moving average (decay {spec.options.ema})" if spec.options.ema is not None else "last step"
    return f"seed {spec.options.seeds[0]}, {kind}"


def _describe(error: Exception, run: "SeedRun | None", spec: RunSpec) -> Crash:
    """Say what failed and in which module: the innermost one on the traceback."""
    from designer.train.names import design_nodes

    module, node = "", ""
    if run is not None:
        names = {id(m): name for name, m in run.model.named_modules()}
        for frame, _ in traceback.walk_tb(error.__traceback__):
            module = names.get(id(frame.f_locals.get("self")), "") or module
        node = design_nodes(run.model, spec.known).get(module, "")
    nodes, line = origin(error, spec.lines, spec.source / f"{spec.module}.py")
    node = nodes[-1] if nodes and node not in nodes else node
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    text += f" ({spec.module}.py line {line}: {', '.join(nodes)})" if nodes else ""
    memory = isinstance(error, MemoryError) or "OutOfMemory" in text or "can't allocate memory" in text
    detail = "".join(traceback.format_exception(error, limit=-6))
    if memory:
        batch = spec.options.batch_size
        text = f"out of memory at batch size {batch}: {text}; use a smaller batch or a larger memory limit"
    return Crash("memory" if memory else "exception", text, module, node, detail)


def _report(spec: RunSpec, outcome: Outcome, stopped: str, facts: dict[str, Any]) -> RunReport:
    from designer.train.summarise import reason_report, seed_report
    from designer.train.verdict import CANNOT_SHOW, judge

    judged = judge(outcome.records)
    reasons = [reason_report(reason) for reason in judged.reasons]
    verdict, summary, crash = judged.verdict, "", outcome.crash
    if crash is not None:
        where = f" in {crash.module}" if crash.module else ""
        if crash.kind == "memory":
            limit = memory_bound(spec.options.memory_limit_bytes, facts["device"]["kind"])
            crash = replace(crash, fits=what_fits(spec.run_dir, spec.options, limit))
        fits = f"; {crash.fits}" if crash.fits else ""
        verdict, summary = "crashed", f"CRASHED{where}: {crash.message}{fits}"
    elif stopped:
        done = sum(record.steps_done for record in outcome.records)
        why = (
            f"the time limit of {spec.options.time_limit_s:g} s was reached"
            if stopped == "time"
            else "on request"
        )
        verdict, summary = "cancelled", f"CANCELLED after {done} steps: {why}"
        crash = Crash("time", summary) if stopped == "time" else None
    return RunReport(
        verdict=verdict,  # type: ignore[arg-type]
        summary=summary or sentence(verdict, reasons, spec.options.steps, len(outcome.records)),
        reasons=reasons,
        minority=[reason_report(reason) for reason in judged.minority],
        not_judged=list(judged.not_judged),
        cannot_show=CANNOT_SHOW,
        crash=crash,
        seeds=[seed_report(record, judged.seeds[record.seed]) for record in outcome.records],
        **facts,
    )


def _torch_version() -> str:
    import torch

    return str(torch.__version__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
