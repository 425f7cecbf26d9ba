"""What a smoke-train can be asked for, checked before anything is started."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from designer.autoencoder import find_autoencoder
from designer.errors import UserError
from designer.train.starting import weights_file
from designer.training import PREDICTIONS, SCHEDULES

DATASETS = ("auto", "digits", "photos", "leaves", "fields", "latents", "folder")
DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("fp32", "bf16", "fp16")
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


@dataclass(frozen=True)
class TrainOptions:
    """Options of one smoke-train.

    `schedule` and `prediction` default to what the design says. `data` "auto" is digits for images and latents
    for samples of other shapes; "folder" needs `data_folder`.
    `ema` is the decay of an exponential moving average of the weights (None: none is kept);
    the first seed's weights are what a run keeps. `time_limit_s` bounds the whole run in seconds and
    `memory_limit_bytes` the child's memory (None: four fifths of what the machine has). `start_from` is a run
    or a safetensors file whose weights the model, or one part of it, starts from. `teacher` is a run whose
    prediction, with `teacher_guidance` for the class, is learned in the place of the data's. `autoencoder` is
    the folder of an autoencoder (a model of diffusers, or a run), through which images become latents.
    `threads` is how many threads PyTorch uses on the CPU (None: its own choice).
    """

    steps: int = 150
    batch_size: int = 16
    seeds: tuple[int, ...] = (0, 1, 2)
    device: str = "auto"
    precision: str = "fp32"
    data: str = "auto"
    data_folder: str | None = None
    schedule: str | None = None
    prediction: str | None = None
    learning_rate: float = 1e-3
    ema: float | None = None
    time_limit_s: float = 3600.0
    memory_limit_bytes: int | None = None
    start_from: str | None = None
    teacher: str | None = None
    teacher_guidance: float = 1.0
    autoencoder: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if self.data_folder is not None:
            object.__setattr__(self, "data_folder", str(Path(self.data_folder).resolve()))
            if self.data == "auto":
                object.__setattr__(self, "data", "folder")
        if self.start_from is not None:
            object.__setattr__(self, "start_from", str(weights_file(self.start_from)))
        if self.autoencoder is not None:
            object.__setattr__(self, "autoencoder", str(find_autoencoder(self.autoencoder).path))
        if self.teacher is not None:
            object.__setattr__(self, "teacher", str(Path(self.teacher).resolve()))
        _require_numbers(self)
        _require_choices(self)
        if self.data == "folder":
            _require_folder(self.data_folder)

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return {**asdict(self), "seeds": list(self.seeds)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TrainOptions":
        """Return options from JSON values. Raises UserError for an unknown name or a bad value."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise UserError(f"unknown training option {unknown[0]!r}; available: {', '.join(sorted(known))}")
        return cls(**values)


def _require_numbers(options: TrainOptions) -> None:
    for name in ("steps", "batch_size"):
        value = getattr(options, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UserError(f"{name}: received {value!r}, expected a whole number of at least 1")
    threads = options.threads
    if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
        raise UserError(f"threads: received {threads!r}, expected a whole number of at least 1")
    if not options.seeds or any(
        not isinstance(s, int) or isinstance(s, bool) or s < 0 for s in options.seeds
    ):
        raise UserError(
            f"seeds: received {list(options.seeds)}, expected at least one whole number, none negative"
        )
    if len(set(options.seeds)) != len(options.seeds):
        raise UserError(f"seeds: received {list(options.seeds)}, expected each seed once")
    if not 0 < options.learning_rate < 100:
        raise UserError(f"learning_rate: received {options.learning_rate!r}, expected a number in (0, 100)")
    if not 0 <= options.teacher_guidance < 100:
        raise UserError(
            f"teacher_guidance: received {options.teacher_guidance!r}, expected a number in [0, 100)"
        )
    if options.ema is not None and not 0 <= options.ema < 1:
        raise UserError(f"ema: received {options.ema!r}, expected a decay in [0, 1)")
    if not 0 < options.time_limit_s < float("inf"):
        raise UserError(
            f"time_limit_s: received {options.time_limit_s!r}, expected a positive number of seconds"
        )
    if options.memory_limit_bytes is not None and options.memory_limit_bytes <= 0:
        raise UserError(
            f"memory_limit_bytes: received {options.memory_limit_bytes!r}, expected a positive number"
        )


def _require_choices(options: TrainOptions) -> None:
    choices: tuple[tuple[str, tuple[str, ...], bool], ...] = (
        ("device", DEVICES, False),
        ("precision", PRECISIONS, False),
        ("data", DATASETS, False),
        ("schedule", SCHEDULES, True),
        ("prediction", PREDICTIONS, True),
    )
    for name, allowed, optional in choices:
        value = getattr(options, name)
        if value not in allowed and not (optional and value is None):
            raise UserError(f"{name}: received {value!r}, expected one of {', '.join(allowed)}")


def _require_folder(folder: str | None) -> None:
    if folder is None:
        raise UserError('data "folder" needs data_folder, the folder that holds the images')
    path = Path(folder)
    if not path.is_dir():
        raise UserError(f"data folder {folder}: no such folder")
    if next(image_files(path), None) is None:
        raise UserError(f"data folder {folder}: holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")


def image_files(folder: Path) -> Iterator[Path]:
    """Yield the image files below `folder`, in no particular order."""
    return (p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
