"""Images from a trained or exported model, with samplers in NumPy over PyTorch and ONNX networks alike.

Importing this package imports neither torch nor onnxruntime.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from designer.document import Design
from designer.errors import UserError
from designer.sample.loop import Recipe, draw
from designer.sample.samplers import SAMPLERS, Images
from designer.sample.source import KNOWN_ROLES, Source, find_source
from designer.train.inputs import sample_index, sample_shape

__all__ = ["SAMPLERS", "sample"]


def sample(
    source: Design | str | Path,
    sampler: str = "ddim",
    steps: int = 50,
    n: int = 16,
    seed: int = 0,
    labels: Sequence[int] | None = None,
    guidance: float = 1.0,
    weights: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    time_limit_s: float = 3600.0,
) -> Images:
    """Draw `n` images, float32 [n, C, H, W] about [-1, 1], from a run, an export or a design with `weights`.

    `labels` are the classes, repeated over the images (default: all classes in turn); `guidance` above 1
    pushes towards them. The same seed draws the same images from PyTorch and from ONNX, up to rounding.
    `on_progress(done, of)` follows the work. Raises UserError for what cannot be used.
    """
    found = find_source(source, weights)
    on_step = on_progress or (lambda done, of: None)
    recipe = _recipe(found, sampler, steps, n, seed, labels, guidance)
    if found.onnx is not None:
        from designer.sample.network import onnx_network

        return draw(onnx_network(found.onnx, found.inputs), recipe, on_step)
    from designer.sample.child import draw_in_child

    return draw_in_child(found, recipe, on_step, time_limit_s)


def _recipe(
    source: Source,
    sampler: str,
    steps: int,
    n: int,
    seed: int,
    labels: Sequence[int] | None,
    guidance: float,
) -> Recipe:
    process = source.process
    _require_sampler(sampler, process.schedule)
    for name, value, low, high in (
        ("steps", steps, 1, process.timesteps), ("n", n, 1, 4096), ("seed", seed, 0, 2**63)
    ):  # fmt: skip
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UserError(f"{name}: received {value!r}, expected a whole number from {low} to {high}")
    for one in source.inputs:
        if one.role not in KNOWN_ROLES:
            raise UserError(f"input {one.name!r} is {one.role}; sampling knows {', '.join(KNOWN_ROLES)}")
    classes = int(source.training.get("num_classes") or 0)
    role = source.inputs[sample_index(source.inputs)].role
    return Recipe(
        sampler, steps, seed, n, sample_shape(source.inputs, source.training), process.schedule,
        process.prediction, process.timesteps, clip=role == "image",
        labels=_labels(source, classes, n, labels, guidance), guidance=float(guidance), no_class=classes,
    )  # fmt: skip


def _require_sampler(sampler: str, schedule: str) -> None:
    if sampler not in SAMPLERS:
        raise UserError(f"sampler: received {sampler!r}, expected one of {', '.join(SAMPLERS)}")
    if sampler == "euler" and schedule != "flow":
        raise UserError(
            f"sampler 'euler' follows a flow; this model has the {schedule} schedule: use ddim or ddpm"
        )
    if sampler == "ddpm" and schedule == "flow":
        raise UserError("sampler 'ddpm' needs the linear or cosine schedule; this model is a flow: use euler")


def _labels(
    source: Source, classes: int, n: int, labels: Sequence[int] | None, guidance: float
) -> tuple[int, ...] | None:
    if not any(one.role == "class" for one in source.inputs):
        if labels or guidance != 1.0:
            raise UserError("labels and guidance need a class input, which this model has not")
        return None
    if not classes:
        raise UserError("training.num_classes is missing in the design: how many classes are there?")
    wanted = list(labels) if labels else list(range(classes))
    for label in wanted:
        if not isinstance(label, int) or not 0 <= label <= classes:
            raise UserError(
                f"label: received {label!r}, expected 0 to {classes - 1}, or {classes} for no class"
            )
    return tuple(wanted[index % len(wanted)] for index in range(n))
