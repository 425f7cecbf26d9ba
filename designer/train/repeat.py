"""Repeats a kept run: its design, seeds, batches and options again, and whether the losses are the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from designer.document import Design, load
from designer.errors import UserError
from designer.train.options import TrainOptions
from designer.train.report import RunReport, read_report


def kept_design(run: Path) -> Design:
    """Return the design of a run. Raises UserError when the folder is none."""
    if not (run / "design.json").is_file():
        raise UserError(f"{run}: not the folder of a run (it has no design.json)")
    return load(run / "design.json")


def kept_options(run: Path) -> dict[str, Any]:
    """Return the options of a run as JSON values, with the number of threads that it had.

    Raises UserError when the folder is not that of a run.
    """
    try:
        spec = json.loads((run / "spec.json").read_text(encoding="utf-8"))
        options: dict[str, Any] = dict(spec["options"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{run}: not the folder of a run (it has no spec.json that can be read)") from None
    if (run / "report.json").is_file() and options.get("threads") is None:
        threads = read_report(run / "report.json").device.get("threads", "")
        options["threads"] = int(threads) if threads.isdigit() else None
    return options


def changed_design(design: Design, values: dict[str, Any]) -> Design:
    """Return the design with other values of its parameters. Raises UserError for an unknown name."""
    known = design.main_definition.parameters
    for name in values:
        if name not in known:
            options = ", ".join(sorted(TrainOptions().to_json()))
            raise UserError(
                f"{design.name}: no parameter {name!r}; its own: {', '.join(known) or 'none'}; "
                f"training options: {options}"
            )
    return replace(design, parameters={**design.parameters, **values}) if values else design


def compared(before: RunReport, after: RunReport) -> str:
    """Say whether a repeated run has the losses of the first, and if not, where they part and what differs."""
    old = {seed.seed: seed.loss for seed in before.seeds}
    pairs = [(seed.seed, old[seed.seed], seed.loss) for seed in after.seeds if seed.seed in old]
    for seed, left, right in pairs:
        if left == right:
            continue
        step = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), None)
        where = f"{len(left)} steps then, {len(right)} now"
        if step is not None:
            where = f"from step {step + 1}: {left[step]} then, {right[step]} now"
        return f"not the same losses: seed {seed} {where}{_differences(before, after)}"
    if not pairs:
        return "nothing to compare: the runs share no seed"
    return f"the same losses as before at every step of {len(pairs)} seed{'s' if len(pairs) > 1 else ''}"


def _differences(before: RunReport, after: RunReport) -> str:
    found = [
        f"{name} {old.get(name)} → {new.get(name)}"
        for old, new in ((before.device, after.device), (before.versions, after.versions))
        for name in new
        if old.get(name) != new.get(name)
    ]
    if before.design != after.design:
        found.insert(0, "another design")
    return f" ({'; '.join(found)})" if found else ""
