"""What a design's `training` may say: each setting with its type, range and meaning.

The reader checks documents against this table, the JSON Schema is generated from it, and the smoke-train and
the samplers read their process from it. Keys that are not in the table are kept as they are.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from designer.errors import UserError

SCHEDULES = ("linear", "cosine", "sigmoid", "flow", "edm", "ve", "none")
PREDICTIONS = ("epsilon", "v", "x0", "flow", "score", "F")
PRECONDITIONINGS = ("none", "edm", "vp", "ve", "v")
LOSSES = ("mse", "sigma2", "edm", "min_snr", "p2")
DENSITIES = ("uniform", "logit_normal")
WEIGHTINGS = ("static", "decoder", "adaptive", "perceptual", "perceptual_adaptive")


@dataclass(frozen=True)
class Setting:
    """One setting: its JSON type ("names" and "numbers" are lists), what it means, and what it may be."""

    name: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None


SETTINGS = (
    Setting("prediction", "text", "What the network predicts; F: the network inside a preconditioning.", PREDICTIONS),
    Setting("schedule", "text", "How noise grows: with the timestep, or as σ drawn for EDM or VE; none for autoencoders.", SCHEDULES),
    Setting("timesteps", "whole", "Timesteps T of the schedule.", minimum=8),
    Setting("zero_terminal_snr", "flag", "Rescale the schedule so that nothing of the image is left at its end."),
    Setting("sigma_mean", "number", "Mean of ln σ on the edm schedule (P_mean); -1.2 unless said."),
    Setting("sigma_std", "number", "Standard deviation of ln σ on the edm schedule (P_std); 1.2 unless said.", above=0),
    Setting("sigma_data", "number", "Standard deviation of the data in EDM's formulas; 0.5 unless said.", above=0),
    Setting("timestep_density", "text", "How often the flow schedule draws a timestep.", DENSITIES),
    Setting("logit_mean", "number", "Mean of the logit-normal density; 0 unless said."),
    Setting("logit_std", "number", "Standard deviation of the logit-normal density; 1 unless said.", above=0),
    Setting("shift", "number", "Shift of the flow schedule towards noise, s·u/(1 + (s - 1)u); 1 unless said.", above=0),
    Setting("noise_range", "numbers", "Lowest and highest noise level to train on: of t/T, or of σ for edm and ve.", minimum=0),
    Setting("preconditioning", "text", "The scaling of input, output and skip around the network.", PRECONDITIONINGS),
    Setting("loss", "text", "How squared errors are weighted over noise levels.", LOSSES),
    Setting("min_snr_gamma", "number", "Where min-SNR caps the signal-to-noise ratio; 5 unless said.", above=0),
    Setting("p2_gamma", "number", "Exponent of P2 weighting; 1 unless said.", minimum=0),
    Setting("p2_k", "number", "Offset of P2 weighting; 1 unless said.", above=0),
    Setting("uncertainty", "flag", "The second output is the log-variance to expect at a noise level (EDM2)."),
    Setting("channel_weights", "numbers", "Weight of each channel's error, scaled to a mean of 1.", minimum=0),
    Setting("channel_weighting", "text", "Where they come from: static, or how strongly a decoder reacts (adaptive: to each sample), or what the eye sees of it.", WEIGHTINGS),
    Setting("kl_weight", "number", "The second output are moments of a Gaussian: weight of its divergence from N(0, 1).", minimum=0),
    Setting("scaling_factor", "number", "Factor of an autoencoder's latents before a denoiser sees them; 1 unless said.", above=0),
    Setting("shift_factor", "number", "What is taken from an autoencoder's latents before they are scaled; 0 unless said."),
    Setting("latents_mean", "numbers", "Mean of each channel of an autoencoder's latents, taken from them as the shift is."),
    Setting("latents_std", "numbers", "Standard deviation of each channel of an autoencoder's latents, which divides them."),
    Setting("precision", "text", "The precision that it is trained in; fp32 unless said.", ("fp32", "bf16", "fp16")),
    Setting("learning_rate", "number", "The learning rate that it is meant for.", above=0),
    Setting("frozen", "names", "Definitions, or nodes as Definition/node, whose weights are not trained."),
    Setting("trainable", "names", "Definitions or nodes inside frozen ones that are trained all the same."),
    Setting("sample_shape", "sizes", "Shape of one sample to train at, such as [3, 32, 32]."),
    Setting("num_classes", "whole", "Classes, without the one for no class."),
    Setting("learned_sigma", "flag", "The output holds the learned variance beside the prediction."),
    Setting("conditioning_channels", "whole", "Channels of the input that are no part of the sample."),
    Setting("further_channels", "whole", "Channels of the output beside the prediction."),
    Setting("channel_axis", "whole", "Axis of the channels: 1, or 2 for videos that have their frames first."),
    Setting("blind_denoiser", "flag", "The network is meant not to see the timestep."),
    Setting("moves_base", "flag", "What is attached changes the frozen network from the first step on, as T2I-Adapter does."),
    Setting("sampling_only", "flag", "A trained network changed for sampling, which is not trained."),
)  # fmt: skip

_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "text": (str, "a string"), "number": ((int, float), "a number"), "whole": (int, "an integer"),
    "flag": (bool, "true or false"), "sizes": (list, "a list"), "names": (list, "a list"), "numbers": (list, "a list"),
}  # fmt: skip
_ITEMS = {"sizes": "whole", "names": "text", "numbers": "number"}
_SEVERAL = {"whole": "whole numbers", "text": "strings", "number": "numbers"}


def require(training: Mapping[str, Any], place: str = "training") -> None:
    """Raise UserError for the first setting whose value is of the wrong type or out of range."""
    for setting in SETTINGS:
        if setting.name in training:
            _require(setting, training[setting.name], f"{place}.{setting.name}")


def _require(setting: Setting, value: Any, place: str) -> None:
    if not _is(setting.kind, value):
        raise UserError(f"{place}: expected {_TYPES[setting.kind][1]}, received {_named(value)}")
    if setting.choices and value not in setting.choices:
        raise UserError(f"{place}: received {value!r:.80}; expected one of {', '.join(setting.choices)}")
    kind = _ITEMS.get(setting.kind, setting.kind)
    items = value if isinstance(value, list) else [value]
    least = 0 if kind == "whole" and setting.minimum is None else setting.minimum
    bound = "" if least is None else f" of at least {least:g}"
    if not all(_is(kind, one) and (least is None or one >= least) for one in items):
        raise UserError(f"{place}: received {value!r:.80}; expected {_SEVERAL[kind]}{bound}")
    if setting.above is not None and not value > setting.above:
        raise UserError(f"{place}: received {value!r:.80}; expected a number above {setting.above:g}")


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "flag"
    finite = not isinstance(value, float) or math.isfinite(value)
    return finite and isinstance(value, _TYPES[kind][0])


def _named(value: Any) -> str:
    names = {str: "a string", bool: "true or false", int: "an integer", float: "a number", list: "a list"}
    return names.get(type(value), "null" if value is None else "an object")


def settings_schema() -> dict[str, Any]:
    """Return the JSON Schema of `training`."""
    return {"type": "object", "properties": {one.name: _schema(one) for one in SETTINGS}}


def _schema(setting: Setting) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "text": {"type": "string"}, "number": {"type": "number"}, "flag": {"type": "boolean"},
        "whole": {"type": "integer", "minimum": 0},
        "sizes": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "names": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "number"}},
    }  # fmt: skip
    found = dict(kinds[setting.kind])
    if setting.choices:
        found["enum"] = list(setting.choices)
    if setting.above is not None:
        found["exclusiveMinimum"] = setting.above
    if setting.minimum is not None:
        held = found.setdefault("items", {}) if setting.kind == "numbers" else found
        held["minimum"] = setting.minimum
    return {**found, "description": setting.help}
