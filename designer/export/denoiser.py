"""An exported network where a pipeline of diffusers expects its U-Net or transformer.

pipeline = DDPMPipeline(unet=OnnxDenoiser("exports/ddpm"), scheduler=DDIMScheduler())
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from designer.errors import UserError
from designer.export.binding import BoundSession
from designer.export.report import ExportReport, read_report
from designer.export.session import open_session
from designer.train.inputs import SAMPLE_ROLES

# What diffusers calls an input, and the roles that it has in a design.
ROLES = {
    "sample": SAMPLE_ROLES,
    "hidden_states": SAMPLE_ROLES,
    "timestep": ("timestep", "sigma"),
    "class_labels": ("class",),
    "encoder_hidden_states": ("context", "text"),
    "encoder_attention_mask": ("mask",),
    "pooled_projections": ("pooled",),
    "guidance": ("guidance",),
}
POSITIONAL = ("sample", "timestep", "encoder_hidden_states")


@dataclass(frozen=True)
class DenoiserOutput:
    """What a call gives; `sample` is the prediction."""

    sample: Tensor

    def __getitem__(self, index: int) -> Tensor:
        return (self.sample,)[index]


class OnnxDenoiser:
    """An export, called as diffusers calls its own networks; torch is at the boundary alone.

    `config` holds what pipelines read: sample_size, in_channels, out_channels, from the export's report. Give
    more as keywords, such as `patch_size=2` for StableDiffusion3Pipeline; they win. Raises UserError for a folder
    that is no export, and for a device that is not there.
    """

    def __init__(self, folder: str | Path, device: str = "auto", threads: int = 0, **config: Any) -> None:
        report = read_report(Path(folder))
        self.session = BoundSession(open_session(Path(folder) / "model.onnx", device, threads))
        self.inputs = {tensor["name"]: tensor for tensor in report.inputs}
        self.dtype, self.device = torch.float32, torch.device(self.session.device)
        self.config = SimpleNamespace(**{**_config(report), **config})

    def __call__(
        self, *values: Any, return_dict: bool = True, **named: Any
    ) -> DenoiserOutput | tuple[Tensor, ...]:
        """Return the prediction for a sample and a timestep, and whatever else the network takes.

        Raises UserError for what it does not take, and for what is missing.
        """
        if len(values) > len(POSITIONAL):
            raise UserError(
                f"received {len(values)} arguments without names; expected {', '.join(POSITIONAL)}"
            )
        given = {**dict(zip(POSITIONAL, values, strict=False)), **named}
        feeds = self._feeds({name: value for name, value in given.items() if not _is_nothing(value)})
        sample = feeds[self._named("sample")]
        feeds = {name: self._shaped(name, value, sample) for name, value in feeds.items()}
        outputs = [value.to(sample.device, sample.dtype) for value in self.session(feeds).values()]
        return DenoiserOutput(outputs[0]) if return_dict else tuple(outputs)

    def to(self, *_: Any, **__: Any) -> "OnnxDenoiser":
        """Stay on the device that the session was opened on: tensors travel at each call."""
        return self

    def _feeds(self, given: Mapping[str, Any]) -> dict[str, Tensor]:
        feeds = {self._named(name): torch.as_tensor(value) for name, value in given.items()}
        missing = [name for name in self.inputs if name not in feeds]
        if missing:
            raise UserError(f"the input {missing[0]!r} ({self.inputs[missing[0]]['role']}) is missing")
        return feeds

    def _named(self, argument: str) -> str:
        """Return the input that an argument of diffusers goes to: of its name, or the one of its role."""
        roles = ROLES.get(argument, ())
        by_role = [name for name, tensor in self.inputs.items() if tensor["role"] in roles]
        if argument in self.inputs or by_role:
            return argument if argument in self.inputs else by_role[0]
        takes = ", ".join(f"{name} ({tensor['role']})" for name, tensor in self.inputs.items())
        raise UserError(f"{argument}: this network has no such input; it takes {takes}")

    def _shaped(self, name: str, value: Tensor, sample: Tensor) -> Tensor:
        """Give one timestep to each sample, where a pipeline passes a single number."""
        if value.ndim <= 1 and len(self.inputs[name]["shape"]) == 1:
            return value.to(sample.device).expand(len(sample))
        return value


def _is_nothing(value: Any) -> bool:
    """Whether a pipeline says that there is none: None, or an empty dictionary of options."""
    return value is None or value == {} if not isinstance(value, Tensor) else False


def _config(report: ExportReport) -> dict[str, Any]:
    sample = next(tensor for tensor in report.inputs if tensor["role"] in SAMPLE_ROLES)
    sides = (report.training.get("sample_shape") or sample["shape"][1:])[1:]
    known = [side for side in sides if isinstance(side, int)]
    size = known[0] if len(set(known)) == 1 else tuple(known)
    return {
        "sample_size": size or None,
        "in_channels": sample["shape"][1],
        "out_channels": report.outputs[0]["shape"][1],
        "time_cond_proj_dim": None,
    }
