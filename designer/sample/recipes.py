"""From what a caller asks for to the recipe of each network that draws: one, or a base and a refiner."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from designer.errors import UserError
from designer.sample.loop import Recipe
from designer.sample.samplers import SAMPLERS
from designer.sample.schedule import CLEAN, Level, levels, split_levels
from designer.sample.source import KNOWN_ROLES, Source
from designer.train.inputs import sample_index, sample_shape
from designer.wrapping.noise import Process
from designer.wrapping.schedules import EXPLODING


@dataclass(frozen=True)
class Asked:
    """What to draw: which sampler, in how many steps, how many images, from which seed, of which classes."""

    sampler: str
    steps: int
    n: int
    seed: int
    labels: Sequence[int] | None
    guidance: float


def recipe_of(source: Source, asked: Asked) -> Recipe:
    """Return the recipe that draws with one network alone. Raises UserError for what it cannot do."""
    _require(source, asked)
    classes = int(source.training.get("num_classes") or 0)
    role = source.inputs[sample_index(source.inputs)].role
    return Recipe(
        asked.sampler, (*levels(source.process, asked.steps), CLEAN), asked.seed, asked.n,
        sample_shape(source.inputs, source.training), source.process, clip=role == "image",
        labels=_labels(source, classes, asked), guidance=float(asked.guidance), no_class=classes,
    )  # fmt: skip


def cascade(base: Source, refiner: Source, asked: Asked, split: float | None) -> tuple[Recipe, Recipe]:
    """Return the recipes of the levels at or above `split` (default: the refiner's range), and of those below.

    Raises UserError where the two networks do not draw the same samples along the same noise levels.
    """
    first, second = recipe_of(base, asked), recipe_of(refiner, asked)
    for name in ("schedule", "timesteps", "zero_terminal_snr", "shift"):
        ours, theirs = getattr(base.process, name), getattr(refiner.process, name)
        if ours != theirs:
            raise UserError(f"refiner: its {name} is {theirs!r}, but the base's is {ours!r}; they must agree")
    if first.shape != second.shape:
        raise UserError(f"refiner: draws {list(second.shape)}, but the base draws {list(first.shape)}")
    point = _split(base.process, refiner.process, split)
    count = split_levels(list(first.path[:-1]), base.process, point)
    if not 0 < count < len(first.path) - 1:
        raise UserError(
            f"split {point:g}: one of the two has no step of {asked.steps}; choose a level between them"
        )
    hand_over: tuple[Level, ...] = first.path[count:]
    return replace(first, path=first.path[: count + 1]), replace(second, path=hand_over, stage=1)


def _split(base: Process, refiner: Process, split: float | None) -> float:
    if split is None:
        known = refiner.noise_range or (base.noise_range or (0.0, 0.0))[::-1]
        if not known[1]:
            raise UserError(
                "split: neither network says in training.noise_range where it hands over; give one"
            )
        return known[1]
    top = float("inf") if base.schedule in EXPLODING else 1.0
    if not 0 < split < top:
        unit = "a σ above 0" if base.schedule in EXPLODING else "t/T between 0 and 1"
        raise UserError(f"split: received {split!r}, expected {unit}")
    return split


def _require(source: Source, asked: Asked) -> None:
    _require_sampler(asked.sampler, source.process.schedule)
    for name, value, low, high in (
        ("steps", asked.steps, 1, source.process.timesteps), ("n", asked.n, 1, 4096), ("seed", asked.seed, 0, 2**63)
    ):  # fmt: skip
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UserError(f"{name}: received {value!r}, expected a whole number from {low} to {high}")
    for one in source.inputs:
        if one.role not in KNOWN_ROLES:
            raise UserError(f"input {one.name!r} is {one.role}; sampling knows {', '.join(KNOWN_ROLES)}")


def _require_sampler(sampler: str, schedule: str) -> None:
    if sampler not in SAMPLERS:
        raise UserError(f"sampler: received {sampler!r}, expected one of {', '.join(SAMPLERS)}")
    if sampler == "euler" and schedule not in ("flow", *EXPLODING):
        raise UserError(
            f"sampler 'euler' follows a flow; this model has the {schedule} schedule: use ddim or ddpm"
        )
    if sampler == "ddpm" and schedule == "flow":
        raise UserError("sampler 'ddpm' needs another schedule than flow; this model is a flow: use euler")


def _labels(source: Source, classes: int, asked: Asked) -> tuple[int, ...] | None:
    if not any(one.role == "class" for one in source.inputs):
        if asked.labels or asked.guidance != 1.0:
            raise UserError("labels and guidance need a class input, which this model has not")
        return None
    if not classes:
        raise UserError("training.num_classes is missing in the design: how many classes are there?")
    wanted = list(asked.labels) if asked.labels else list(range(classes))
    for label in wanted:
        if not isinstance(label, int) or not 0 <= label <= classes:
            raise UserError(
                f"label: received {label!r}, expected 0 to {classes - 1}, or {classes} for no class"
            )
    return tuple(wanted[index % len(wanted)] for index in range(asked.n))
