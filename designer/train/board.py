"""A run's curves as event files that TensorBoard opens: `tensorboard --logdir RUN/tensorboard`."""

import math
from importlib.util import find_spec
from pathlib import Path

from designer.train.report import RunReport

FOLDER = "tensorboard"


def write_board(report: RunReport, run_dir: Path) -> bool:
    """Write one event file a seed below `run_dir`/tensorboard; False where tensorboardX is not installed."""
    if find_spec("tensorboardX") is None:
        return False
    from tensorboardX import SummaryWriter

    for seed in report.seeds:
        with SummaryWriter(str(run_dir / FOLDER / f"seed-{seed.seed}")) as writer:
            curves: dict[str, list[float | None]] = {
                "loss": seed.loss,
                "normalised_loss": seed.nloss,
                "gradient_norm": seed.grad_norm,
            }
            for level in range(len(seed.nloss_per_bin[0]) if seed.nloss_per_bin else 0):
                curves[f"normalised_loss_by_noise_level/{level}"] = [
                    bins[level] for bins in seed.nloss_per_bin
                ]
            for name, values in curves.items():
                for step, value in enumerate(values, 1):
                    if value is not None and math.isfinite(value):
                        writer.add_scalar(name, value, step)
    return True
