"""Runs of the hand-written models: specs for the runner, jobs for the loop in this process."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from designer.document import Design
from designer.origin import known_nodes
from designer.render import load_model, render
from designer.train.data import load_data
from designer.train.inputs import Caller, InputSpec, sample_shape
from designer.train.loop import Job, SeedRun
from designer.train.objective import static_weights
from designer.train.options import TrainOptions
from designer.train.record import SeedRecord
from designer.train.spec import RunSpec
from designer.train.verdict import Judgement, judge
from designer.wrapping.noise import Process

MODELS = Path(__file__).parent / "models"
INPUTS = (InputSpec("x", "image", ("B", 1, "H", "W")), InputSpec("t", "timestep", ("B",)))
SHAPE = (1, 16, 16)


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"smoke_{name}", MODELS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def spec_of(run_dir: Path, name: str, class_name: str, options: TrainOptions, **changes: Any) -> RunSpec:
    run_dir.mkdir(parents=True, exist_ok=True)
    training = {"sample_shape": list(SHAPE)}
    values = {"training": training, "design_name": class_name, "design_hash": "none", **changes}
    return RunSpec(run_dir, MODELS, name, class_name, values.pop("inputs", INPUTS), options, **values)


def job_of(name: str, class_name: str, options: TrainOptions, **changes: Any) -> Job:
    build = getattr(module(name), class_name)
    training = changes.pop("training", {})
    process = Process.of(training, options.schedule, options.prediction)
    return Job(
        build,
        load_data(options, SHAPE),
        process,
        Caller(INPUTS, SHAPE),
        options,
        torch.device("cpu"),
        **changes,
    )


def records_of(name: str, class_name: str, options: TrainOptions, **changes: Any) -> list[SeedRecord]:
    job = job_of(name, class_name, options, **changes)
    return [SeedRun(job, seed, lambda event: None).run() for seed in options.seeds]


def judged(
    name: str, class_name: str, steps: int, seeds: Sequence[int] = (0, 1, 2), **options: Any
) -> Judgement:
    return judge(records_of(name, class_name, TrainOptions(steps=steps, seeds=tuple(seeds), **options)))


def job_of_design(design: Design, options: TrainOptions) -> Job:
    """Return the job of a rendered design on the CPU of this process, as the worker makes it."""
    rendering = render(design)
    inputs = tuple(InputSpec(i.name, i.role, tuple(i.shape), i.dtype) for i in rendering.inputs)
    training = design.training
    shape = sample_shape(inputs, training)
    return Job(
        load_model(rendering),
        load_data(options, shape),
        Process.of(training, options.schedule, options.prediction),
        Caller(inputs, shape, training.get("num_classes")),
        options,
        torch.device("cpu"),
        known_nodes(rendering.source_map),
        channels=static_weights(training, shape),
        channel_axis=training.get("channel_axis", 1),
        conditioning=training.get("conditioning_channels", 0),
        frozen=tuple(training.get("frozen", ())),
        trainable=tuple(training.get("trainable", ())),
    )
