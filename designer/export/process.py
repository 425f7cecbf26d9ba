"""What a set of weights was trained to do, which is what samplers need to know of a model."""

import json
from pathlib import Path
from typing import Any

from designer.document import Design


def training_of(design: Design, weights: str | Path | None) -> dict[str, Any]:
    """Return the design's training settings, with the schedule and prediction that `weights` were trained for.

    A run may override what its design says; its report lies beside the weights that it kept.
    """
    if weights is None:
        return dict(design.training)
    try:
        values = json.loads((Path(weights).parent / "report.json").read_text(encoding="utf-8"))
        kept = {key: values["process"][key] for key in ("schedule", "prediction", "timesteps")}
    except (OSError, ValueError, KeyError, TypeError):
        kept = {}
    return {**design.training, **kept}
