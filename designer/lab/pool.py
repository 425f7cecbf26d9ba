"""Trials of a sweep under Optuna: a database of trials, several child processes at a time."""

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from designer.errors import UserError
from designer.lab.points import Point
from designer.lab.trial import Outcome, Running, run_trial

if TYPE_CHECKING:
    from optuna import Study, Trial

DATABASE = "optuna.sqlite"
_ASKING = Lock()


def require_optuna() -> None:
    """Raise UserError where Optuna is not installed."""
    if find_spec("optuna") is None:
        raise UserError(
            'designer sweep needs Optuna: pip install "diffusion-architecture-designer[lab]" (or: pip install optuna)'
        )


def run_in_pool(
    points: Sequence[Point],
    every: Sequence[Point],
    folder: Path,
    jobs: int,
    on_outcome: Callable[[Point, Outcome], None],
) -> None:
    """Run the trials, `jobs` at a time, each a child process in its folder below `folder`/runs.

    `every` are all trials of the sweep, those that are done included: they say which study it is.

    `on_outcome` is called in this thread. An interruption stops the trials under way; they are done anew next time.
    """
    study, running = _study(folder, every), Running()

    def work(point: Point) -> Outcome | None:
        return None if running.stopped.is_set() else _trial(study, point, folder, running)

    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(work, point): point for point in points}
        try:
            for future in as_completed(futures):
                if (outcome := future.result()) is not None:
                    on_outcome(futures[future], outcome)
        except BaseException:
            running.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _study(folder: Path, points: Sequence[Point]) -> "Study":
    """Open the study of these settings in the sweep's database; what a killed sweep left under way has failed."""
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    axes = _axes(points)
    name = hashlib.sha256(json.dumps(axes).encode()).hexdigest()[
        :8
    ]  # Optuna keeps the choices of a study fixed
    storage = f"sqlite:///{(folder / DATABASE).resolve()}"
    study = optuna.create_study(storage=storage, study_name=f"sweep {name}", load_if_exists=True)
    study.set_user_attr("axes", axes)
    for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(left.number, state=TrialState.FAIL)
    return study


def _axes(points: Sequence[Point]) -> dict[str, list[Any]]:
    """Return the values of each setting, in order."""
    axes: dict[str, list[Any]] = {}
    for point in points:
        for name, value in _asked(point).items():
            values = axes.setdefault(name, [])
            if value not in values:
                values.append(value)
    return axes


def _asked(point: Point) -> dict[str, Any]:
    return {"design": point.label, **point.settings}


def _trial(study: "Study", point: Point, folder: Path, running: Running) -> Outcome | None:
    """Run one trial and tell the study: a value, pruned where it was stopped early, failed where there is none."""
    from optuna.trial import TrialState

    trial = _begin(study, point)
    steps = itertools.count()
    try:
        outcome = run_trial(
            point.design,
            point.options,
            folder / "runs" / point.name,
            running,
            lambda loss: trial.report(loss, next(steps)),
        )
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    if outcome is None or (outcome.nloss is None and not outcome.stopped):
        study.tell(trial, state=TrialState.FAIL)
    elif outcome.stopped:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, outcome.nloss)
    return outcome


def _begin(study: "Study", point: Point) -> "Trial":
    """Return the study's trial of this point."""
    from optuna.trial import TrialState

    with _ASKING:
        study.enqueue_trial(_asked(point), user_attrs={"run": point.name})
        trial = study.ask()
        while trial.user_attrs.get("run") != point.name:  # left waiting by a sweep that was killed just there
            study.tell(trial, state=TrialState.FAIL)
            trial = study.ask()
    for name, values in study.user_attrs["axes"].items():
        trial.suggest_categorical(name, values)
    return trial
