"""Trials of a sweep on a Ray cluster, by Ray Tune: each runs on some node, its run's texts come back here.

The package must be installed on every node. Weights stay where they were trained.
"""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from designer.document import dumps, loads
from designer.errors import UserError
from designer.files import write_atomic
from designer.lab.points import Point
from designer.lab.trial import Outcome, Running, run_trial
from designer.train.options import TrainOptions

_KEPT = ("design.json", "spec.json", "report.json", "report.html", "events.jsonl", "outcome.json")


def require_ray() -> None:
    """Raise UserError where Ray Tune is not installed."""
    if find_spec("ray") is None or find_spec("ray.tune") is None:
        raise UserError(
            '--address needs Ray Tune: pip install "diffusion-architecture-designer[cluster]" (or: pip install "ray[tune]")'
        )


def run_on_cluster(
    points: Sequence[Point], folder: Path, address: str, on_outcome: Callable[[Point, Outcome], None]
) -> None:
    """Run the trials on the cluster at `address`. `on_outcome` is called as each ends, its run below `folder`/runs.

    Raises UserError when the cluster cannot be reached.
    """
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # our own files hold it all
    import ray
    from ray import tune

    by_name = {point.name: point for point in points}

    class Keep(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            name = trial.config["point"]["name"]
            run = folder / "runs" / name
            for file, text in json.loads(trial.last_result["files"]).items():
                write_atomic(run / file, text)
            if (outcome := Outcome.read(run)) is not None:
                on_outcome(by_name[name], outcome)

    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        raise UserError(f"--address {address}: no Ray cluster can be reached: {error}") from None
    gpus = {"gpu": 1} if any(point.options.device == "cuda" for point in points) else {}
    cpus = max(point.options.threads or 1 for point in points)
    tuner = tune.Tuner(
        tune.with_resources(_trial, {"cpu": cpus, **gpus}),
        param_space={"point": tune.grid_search([_config(point) for point in points])},
        tune_config=tune.TuneConfig(trial_dirname_creator=lambda trial: trial.config["point"]["name"]),
        run_config=tune.RunConfig(
            name="ray", storage_path=str(folder.resolve()), callbacks=[Keep()], verbose=0
        ),
    )
    try:
        results = tuner.fit()
    finally:
        ray.shutdown()
    if results.errors:
        raise UserError(f"{len(results.errors)} trials failed on the cluster; the first: {results.errors[0]}")


def _config(point: Point) -> dict[str, Any]:
    return {"name": point.name, "design": dumps(point.design), "options": point.options.to_json()}


def _trial(config: dict[str, Any]) -> None:
    """Run one trial on a node of the cluster and report its files."""
    from ray import tune

    point = config["point"]
    with tempfile.TemporaryDirectory(prefix="designer-") as name:
        run = Path(name, "run")
        options = TrainOptions.from_json(point["options"])
        outcome = run_trial(loads(point["design"]), options, run, Running())
        files = {file: (run / file).read_text(encoding="utf-8") for file in _KEPT if (run / file).exists()}
        tune.report({"nloss": outcome.nloss if outcome else None, "files": json.dumps(files)})
