"""Guided distillation: a lighter copy learns to predict what a trained network predicts (arXiv:2210.03142 §3)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from designer.errors import UserError
from designer.train.inputs import InputSpec, predicted
from designer.train.spec import RunSpec
from designer.wrapping.noise import Process

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

# what must be the same for both to see the same samples and to predict the same thing
_SHARED = ("schedule", "prediction", "timesteps", "zero_terminal_snr", "preconditioning", "sigma_data")


def teacher_spec(run: str | Path, inputs: Sequence[InputSpec], process: Process) -> RunSpec:
    """Return the teacher's run. Raises UserError where it is no run, or learned from other samples or to other ends."""
    folder = Path(run)
    try:
        spec = RunSpec.from_json(json.loads((folder / "spec.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"teacher {folder}: not the folder of a run (no readable spec.json)") from None
    if not (folder / "weights.safetensors").is_file():
        raise UserError(f"teacher {folder}: holds no weights.safetensors; its training did not get that far")
    ours, theirs = ([(one.name, one.role) for one in some] for some in (inputs, spec.inputs))
    if ours != theirs:
        raise UserError(f"teacher {folder}: takes {_listed(theirs)}, but the student takes {_listed(ours)}")
    other = Process.of(spec.training, spec.options.schedule, spec.options.prediction)
    for name in _SHARED:
        if getattr(other, name) != getattr(process, name):
            received, expected = getattr(other, name), getattr(process, name)
            raise UserError(
                f"teacher {folder}: its {name} is {received!r}, but the student's is {expected!r}"
            )
    return spec


class Teacher:
    """A trained network without gradient, with classifier-free guidance (arXiv:2207.12598 eq. 6).

    `label` is the position of the class among the arguments, `no_class` the class that stands for none.
    """

    def __init__(
        self, model: "nn.Module", guidance: float = 1.0, label: int | None = None, no_class: int = 0
    ) -> None:
        self._model = model.eval().requires_grad_(False)
        self._guidance, self._label, self._no_class = guidance, label, no_class

    def __call__(self, arguments: "Sequence[Tensor]", channels: int, axis: int = 1) -> "Tensor":
        """Return what it predicts, with `channels` channels on `axis`."""
        import torch

        with torch.no_grad():
            given = predicted(self._model(*arguments), channels, axis).float()
            if self._guidance == 1 or self._label is None:
                return given
            without = list(arguments)
            without[self._label] = torch.full_like(arguments[self._label], self._no_class)
            free = predicted(self._model(*without), channels, axis).float()
            return free + self._guidance * (given - free)


def load_teacher(
    run: str | Path, inputs: Sequence[InputSpec], process: Process, guidance: float, device: "torch.device"
) -> Teacher:
    """Execute the teacher's rendered source and load its weights; child processes only. Raises UserError."""
    from safetensors.torch import load_file

    from designer.render import load_model

    spec = teacher_spec(run, inputs, process)
    label = next((index for index, one in enumerate(inputs) if one.role == "class"), None)
    classes = spec.training.get("num_classes")
    if guidance != 1 and (label is None or not classes):
        raise UserError(
            "teacher guidance: needs a class input and training.num_classes in the teacher's design"
        )
    model = load_model(Path(run) / "source", spec.class_name)()
    model.load_state_dict(load_file(Path(run) / "weights.safetensors"), strict=True)
    return Teacher(model.to(device), guidance, label, int(classes or 0))


def _listed(inputs: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} ({role})" for name, role in inputs)
