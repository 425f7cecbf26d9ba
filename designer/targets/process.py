"""The diffusion process of a design as lines of PyTorch: each setting of `training` picks its lines.

Levels are what noise is indexed by: timesteps of a table or of a flow, else σ itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from designer.errors import UserError
from designer.wrapping.drawing import drawn_range
from designer.wrapping.noise import Process
from designer.wrapping.schedules import EXPLODING, TABLES, VE_HIGH, VE_LOW

_TABLES = {
    "linear": ("signal = torch.cumprod(1 - torch.linspace(1e-4, 2e-2, TIMESTEPS, dtype=torch.float64), 0)",),
    "cosine": (
        "edges = torch.arange(TIMESTEPS + 1, dtype=torch.float64) / TIMESTEPS",
        "level = torch.cos((edges + 0.008) / 1.008 * math.pi / 2) ** 2",
        "signal = torch.cumprod(1 - (1 - level[1:] / level[:-1]).clamp(max=0.999), 0)",
    ),
    "sigmoid": (
        "edges = torch.sigmoid(3 - 6 * torch.arange(TIMESTEPS + 1, dtype=torch.float64) / TIMESTEPS)",
        "level = (edges - edges[-1]) / (edges[0] - edges[-1])",
        "signal = torch.cumprod(1 - (1 - level[1:] / level[:-1]).clamp(max=0.999), 0)",
    ),
}
_ZERO_TERMINAL = (
    "root = signal.sqrt()  # shifted to end at 0: nothing of the image is left at the last timestep",
    "signal = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2",
)
_TARGET = {
    "epsilon": "eps",
    "x0": "x0",
    "flow": "eps - x0",
    "v": "alpha * eps - sigma * x0",
    "score": "-eps / sigma",
}
_DENOISED = {
    "epsilon": "(x - sigma * output) / alpha",
    "x0": "output",
    "flow": "x - sigma * output",
    "v": "alpha * x - sigma * output",
    "score": "(x + sigma**2 * output) / alpha",
}
_IMAGE_ERROR = {"epsilon": " / snr", "x0": "", "flow": " * sigma**2", "v": " * sigma**2", "F": " * c_out**2"}
_IMAGE_ERROR["score"] = " * sigma**4 / alpha**2"


@dataclass(frozen=True)
class ProcessView:
    """What the template of the diffusion process prints."""

    meaning: str
    constants: tuple[str, ...]
    table: tuple[str, ...]
    share: str
    drawn: tuple[str, ...]
    factors: tuple[str, ...]
    scalings: tuple[str, ...]
    prepare: tuple[str, ...]
    network_input: str
    told: str
    target: tuple[str, ...]
    denoised: tuple[str, ...]
    weight: tuple[str, ...]
    sampling: tuple[str, ...]
    uncertainty: bool


def process_view(training: Mapping[str, Any], told: str) -> ProcessView:
    """Return the process that `training` describes, for a network that is told the noise in a role `told`.

    Raises UserError for one that has no noise, or whose network cannot be told its level.
    """
    process = Process.of(training)
    if process.schedule == "none":
        raise UserError(
            "the targets package and diffusers train denoisers; this design has the schedule 'none'"
        )
    exploding, wrapped = process.schedule in EXPLODING, process.preconditioning != "none"
    if exploding and told == "timestep" and not wrapped:
        raise UserError(
            f"schedule {process.schedule!r} has no timesteps; give the network an input of the role sigma"
        )
    return ProcessView(
        meaning="the standard deviation of the noise" if exploding else "a timestep, 0 being the least noise",
        constants=_constants(process),
        table=_table(process),
        share=_share(process),
        drawn=_drawn(process),
        factors=_factors(process),
        scalings=_scalings(process),
        prepare=_prepare(process, told),
        network_input="c_in * x / alpha" if wrapped else "x",
        told="c_noise.flatten()"
        if wrapped
        else "level"
        if exploding or told != "sigma"
        else "sigma.flatten()",
        target=_target(process),
        denoised=_denoised(process),
        weight=_weight(process),
        sampling=_sampling(process),
        uncertainty=process.uncertainty,
    )


def _prepare(process: Process, told: str) -> tuple[str, ...]:
    """Lines before the network's call that set what its arguments name."""
    if process.preconditioning != "none":
        return ("alpha, sigma = factors(level, x)", "_, _, c_in, c_noise = scalings(sigma / alpha)")
    if told == "sigma" and process.schedule not in EXPLODING:
        return ("_, sigma = factors(level, x)",)
    return ()


def _constants(process: Process) -> tuple[str, ...]:
    found = []
    if process.schedule not in EXPLODING or process.preconditioning == "vp":
        found.append(f"TIMESTEPS = {process.timesteps}")
    if process.loss == "edm" or process.preconditioning == "edm":
        found.append(f"SIGMA_DATA = {process.sigma_data!r}  # standard deviation of the data")
    if process.schedule == "ve":
        found.append(f"SIGMA_MIN, SIGMA_MAX = {VE_LOW!r}, {VE_HIGH!r}")
    if process.schedule == "edm":
        found.append("SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7  # of the levels to sample at")
        found.append(f"SIGMA_MEAN, SIGMA_STD = {process.sigma_mean!r}, {process.sigma_std!r}  # of ln sigma")
    return tuple(found)


def _table(process: Process) -> tuple[str, ...]:
    if process.schedule not in TABLES:
        return ()
    return (*_TABLES[process.schedule], *(_ZERO_TERMINAL if process.zero_terminal_snr else ()))


def _share(process: Process) -> str:
    low, high = drawn_range(process)
    draw = "torch.rand(batch, dtype=torch.float64, generator=generator)"
    return draw if (low, high) == (0.0, 1.0) else f"{low!r} + {high - low!r} * {draw}"


def _drawn(process: Process) -> tuple[str, ...]:
    if process.schedule in TABLES:
        return ("return (share * TIMESTEPS).floor().clamp(max=TIMESTEPS - 1).float()",)
    if process.schedule == "edm":
        return ("return torch.exp(SIGMA_MEAN + SIGMA_STD * torch.special.ndtri(share)).float()",)
    if process.schedule == "ve":
        return ("return (SIGMA_MIN * (SIGMA_MAX / SIGMA_MIN) ** share).float()",)
    lines = []
    if process.timestep_density == "logit_normal":
        mean, std = process.logit_mean, process.logit_std
        lines.append(
            f"share = torch.sigmoid({mean!r} + {std!r} * torch.special.ndtri(share))  # logit-normal"
        )
    return (*lines, *_shift(process, "share"), "return (share * TIMESTEPS).float()")


def _shift(process: Process, name: str) -> tuple[str, ...]:
    if process.shift == 1:
        return ()
    shift = float(process.shift)
    return (f"{name} = {shift!r} * {name} / (1 + {shift - 1!r} * {name})  # shifted towards noise",)


def _factors(process: Process) -> tuple[str, ...]:
    if process.schedule in TABLES:
        return (
            "signal = signal_table().to(level.device)[level.long()]",
            "alpha, sigma = signal.sqrt().float(), (1 - signal).sqrt().float()",
        )
    if process.schedule == "flow":
        return ("alpha, sigma = 1 - level / TIMESTEPS, level / TIMESTEPS",)
    return ("alpha, sigma = torch.ones_like(level), level",)


def _scalings(process: Process) -> tuple[str, ...]:
    """Lines that set c_skip, c_out, c_in, c_noise from s, the noise beside an unscaled image."""
    if process.preconditioning == "edm":
        return (
            "total = s**2 + SIGMA_DATA**2",
            "c_skip, c_out = SIGMA_DATA**2 / total, s * SIGMA_DATA / total.sqrt()",
            "return c_skip, c_out, 1 / total.sqrt(), s.log() / 4",
        )
    if process.preconditioning == "vp":
        return (
            "time = ((0.1**2 + 2 * 19.9 * torch.log1p(s**2)).sqrt() - 0.1) / 19.9",
            "return torch.ones_like(s), -s, 1 / (1 + s**2).sqrt(), (TIMESTEPS - 1) * time",
        )
    if process.preconditioning == "ve":
        return ("return torch.ones_like(s), s, torch.ones_like(s), (s / 2).log()",)
    if process.preconditioning == "v":
        return (
            "length = (1 + s**2).sqrt()",
            "return 1 / length**2, -s / length, 1 / length, 2 / math.pi * s.atan()",
        )
    return ()


def _target(process: Process) -> tuple[str, ...]:
    if process.prediction == "F":
        return (
            "c_skip, c_out, _, _ = scalings(sigma / alpha)",
            "return (x0 - c_skip * (x0 + sigma / alpha * eps)) / c_out",
        )
    return (f"return {_TARGET[process.prediction]}",)


def _denoised(process: Process) -> tuple[str, ...]:
    if process.prediction == "F":
        return (
            "c_skip, c_out, _, _ = scalings(sigma / alpha)",
            "return c_skip * x / alpha + c_out * output",
        )
    return (f"return {_DENOISED[process.prediction]}",)


def _weight(process: Process) -> tuple[str, ...]:
    """Lines that return the weight of the prediction's squared error; none where all weigh the same."""
    if process.loss == "mse":
        return ()
    if process.loss == "sigma2":
        return ("return sigma**2",)
    error = _IMAGE_ERROR[process.prediction]
    lines = ["snr = (alpha / sigma) ** 2"]
    if process.prediction == "F":
        lines.append("_, c_out, _, _ = scalings(sigma / alpha)")
    if process.loss == "edm":
        return (*lines, f"return (1 + snr * SIGMA_DATA**2) / SIGMA_DATA**2{error}")
    if process.loss == "min_snr":
        return (*lines, f"return snr.clamp(max={float(process.min_snr_gamma)!r}){error}")
    return (*lines, f"return snr / ({process.p2_k!r} + snr) ** {process.p2_gamma!r}{error}")


def _sampling(process: Process) -> tuple[str, ...]:
    if process.schedule in TABLES:
        return ("return torch.linspace(TIMESTEPS - 1, 0, steps).round()",)
    if process.schedule == "flow":
        return (
            "level = torch.linspace(1, 0, steps + 1)[:-1]",
            *_shift(process, "level"),
            "return level * TIMESTEPS",
        )
    if process.schedule == "ve":
        return ("return SIGMA_MAX * (SIGMA_MIN / SIGMA_MAX) ** torch.linspace(0, 1, steps)",)
    return (
        "ends = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)",
        "return torch.linspace(*ends, steps) ** RHO",
    )
