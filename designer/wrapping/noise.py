"""The forward process of a smoke-train: noise levels, targets, weights, all of a design's `training`.

Noise levels are timesteps t in [0, T): t = 0 is the least noise. A level belongs to one of eight equally
likely bins, and every batch holds every bin, so that losses can be compared bin by bin.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from designer import training as settings
from designer.errors import UserError
from designer.wrapping.drawing import drawn_range, flow_level_at, sigma_at
from designer.wrapping.preconditioning import Scalings, scalings
from designer.wrapping.schedules import EXPLODING, TABLES, Array, alphas_cumprod
from designer.wrapping.weighting import default_loss, loss_weight

if TYPE_CHECKING:
    from torch import Generator, Tensor

BINS = 8


@dataclass(frozen=True)
class Process:
    """x_t = alpha(t) x_0 + sigma(t) eps, what the network is asked to predict from x_t, and how errors weigh.

    `schedule` is none (nothing is noisy: alpha = 1, sigma = 0), linear, cosine or sigmoid (alpha² + sigma² = 1, t a whole number), flow (alpha = 1 - t/T,
    sigma = t/T, t a real number), edm (alpha = 1, ln sigma normal) or ve (alpha = 1, ln sigma uniform).
    `prediction` is epsilon, v, x0, flow (the velocity eps - x_0), score (-eps/sigma) or F (what the network
    inside `preconditioning` gives). With `uncertainty` the network's second output is the logarithm of the
    error to expect, which divides it; with `kl_weight` it is the moments of an autoencoder. The other fields are the settings of these names in `designer.training`.
    """

    schedule: str
    prediction: str
    timesteps: int = 1000
    uncertainty: bool = False
    zero_terminal_snr: bool = False
    preconditioning: str = "none"
    loss: str = ""
    sigma_mean: float = -1.2
    sigma_std: float = 1.2
    sigma_data: float = 0.5
    timestep_density: str = "uniform"
    logit_mean: float = 0.0
    logit_std: float = 1.0
    shift: float = 1.0
    noise_range: tuple[float, float] | None = None
    min_snr_gamma: float = 5.0
    p2_gamma: float = 1.0
    p2_k: float = 1.0
    kl_weight: float = 0.0

    def __post_init__(self) -> None:
        if not self.loss:
            object.__setattr__(self, "loss", default_loss(self.schedule, self.prediction))

    @classmethod
    def of(
        cls, training: Mapping[str, Any], schedule: str | None = None, prediction: str | None = None
    ) -> "Process":
        """Return the process a design's `training` asks for, where `schedule` and `prediction` override it.

        Raises UserError for a value that is not allowed or for settings that have no meaning together.
        """
        values = {one.name: training[one.name] for one in fields(cls) if one.name in training}
        wrapped = values.get("preconditioning", "none") != "none"
        target = prediction or values.get("prediction") or _target(schedule, wrapped)
        levels = schedule or values.get("schedule") or _schedule(target)
        values |= {"prediction": target, "schedule": levels}
        settings.require(values)
        if target == "F" and not wrapped:
            values["preconditioning"] = "edm"
        if "noise_range" in values:
            values["noise_range"] = tuple(values["noise_range"])
        process = cls(**values)
        _require_together(process)
        return process

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Process":
        """Return the process from its JSON values."""
        known = values.get("noise_range")
        return cls(**{**values, "noise_range": None if known is None else tuple(known)})

    def to_json(self) -> dict[str, Any]:
        """Return the process as JSON values."""
        return asdict(self)

    def alpha_sigma(self, t: "Tensor") -> tuple["Tensor", "Tensor"]:
        """Return alpha and sigma, each [B] float32, at the noise levels `t` [B] in [0, T)."""
        import torch

        alpha, sigma = (torch.from_numpy(one) for one in self.levels(t.double().cpu().numpy()))
        return alpha.float().to(t.device), sigma.float().to(t.device)

    def levels(self, t: Array) -> tuple[Array, Array]:
        """Return alpha and sigma, each [B] float64, at the noise levels `t` [B] in [0, T)."""
        if self.schedule == "none":
            return np.ones_like(t), np.zeros_like(t)
        if self.schedule == "flow":
            return 1 - t / self.timesteps, t / self.timesteps
        if self.schedule in TABLES:
            table = alphas_cumprod(self.schedule, self.timesteps, self.zero_terminal_snr)
            level = table[t.astype(np.int64)]
            return np.sqrt(level), np.sqrt(1 - level)
        sigma = sigma_at(self, (t + 0.5) / self.timesteps)
        return np.ones_like(sigma), sigma

    def grid(self, count: int = 65) -> tuple[Array, Array]:
        """Return alpha and sigma, each [count], from the least to the most noise that is drawn."""
        return self.levels(np.linspace(0, self.timesteps - 1, count).round())

    def scalings(self, alpha: Array, sigma: Array) -> Scalings:
        """Return the scalings of the preconditioning around x_t / alpha, which holds noise of sigma / alpha."""
        return scalings(self.preconditioning, sigma / alpha, self.sigma_data, self.timesteps)

    def noised(self, x0: "Tensor", eps: "Tensor", t: "Tensor") -> "Tensor":
        """Return x_t, of the shape of `x0` [B, ...], at the noise levels `t` [B]."""
        alpha, sigma = (_like(value, x0) for value in self.alpha_sigma(t))
        return alpha * x0 + sigma * eps

    def seen(self, x0: "Tensor", eps: "Tensor", t: "Tensor") -> tuple["Tensor", "Tensor", "Tensor"]:
        """Return what the network is given: the noisy sample, and the noise level as a timestep and as sigma."""
        alpha, sigma = self.alpha_sigma(t)
        x = self.noised(x0, eps, t)
        if self.preconditioning == "none":
            return x, t, sigma
        wrap = self._wrap(alpha, sigma)
        return x * _like(wrap["input"] / alpha, x), wrap["noise"], wrap["noise"]

    def _wrap(self, alpha: "Tensor", sigma: "Tensor") -> dict[str, "Tensor"]:
        import torch

        found = self.scalings(alpha.double().numpy(), sigma.double().numpy())
        return {name: torch.from_numpy(value).float() for name, value in vars(found).items()}

    def target(self, x0: "Tensor", eps: "Tensor", t: "Tensor") -> "Tensor":
        """Return what to predict, of the shape of `x0`.

        That is eps, alpha·eps - sigma·x0, x0, eps - x0, -eps/sigma, or (x0 - c_skip x_t/alpha) / c_out.
        """
        if self.prediction == "epsilon":
            return eps
        if self.prediction == "x0":
            return x0
        if self.prediction == "flow":
            return eps - x0
        alpha, sigma = self.alpha_sigma(t)
        if self.prediction == "F":
            wrap = self._wrap(alpha, sigma)
            unscaled = x0 + _like(sigma / alpha, x0) * eps
            return (x0 - _like(wrap["skip"], x0) * unscaled) / _like(wrap["out"], x0)
        alpha, sigma = _like(alpha, x0), _like(sigma, x0)
        return -eps / sigma if self.prediction == "score" else alpha * eps - sigma * x0

    def weight(self, t: "Tensor") -> "Tensor":
        """Return the weight of each sample's squared error, [B], as `loss` says."""
        import torch

        alpha, sigma = self.levels(t.double().cpu().numpy())
        return torch.from_numpy(loss_weight(self, alpha, sigma)).float().to(t.device)

    def sample_levels(self, count: int, generator: "Generator") -> tuple["Tensor", "Tensor"]:
        """Draw `count` noise levels, stratified: (t float32 [count], bin int64 [count] in 0..7).

        With `count` a multiple of eight each bin holds exactly count / 8; otherwise the bins that hold one
        more are drawn at random, so that over many batches no bin is favoured.
        """
        import torch

        order = torch.randperm(BINS, generator=generator)
        bins = order[torch.arange(count) % BINS]
        u = torch.rand(count, generator=generator, dtype=torch.float64)
        low, high = drawn_range(self)
        share = low + (high - low) * (bins + u) / BINS
        if self.schedule == "flow":
            return torch.from_numpy(flow_level_at(self, share.numpy()) * self.timesteps).float(), bins
        t = (share * self.timesteps).floor().clamp(max=self.timesteps - 1)
        # floor lands in the bin below only where a bin is no whole number of levels; it is then the level's own
        bins = ((t / self.timesteps - low) / (high - low) * BINS + 1e-9).long().clamp(0, BINS - 1)
        return t.float(), bins


def _target(schedule: str | None, wrapped: bool) -> str:
    return "F" if wrapped else "flow" if schedule == "flow" else "epsilon"


def _schedule(target: str) -> str:
    return {"flow": "flow", "F": "edm"}.get(target, "linear")


def _require_together(process: Process) -> None:
    """Raise UserError for settings that exclude each other."""
    schedule, target = process.schedule, process.prediction
    if (target == "flow" and schedule != "flow") or (target == "v" and schedule not in TABLES):
        raise UserError(
            f'schedule {schedule!r} and prediction {target!r} do not fit: "flow" velocity needs the flow '
            f'schedule, and "v" needs {", ".join(TABLES)}'
        )
    if (target == "F") != (process.preconditioning != "none"):
        raise UserError(
            f"prediction {target!r} and preconditioning {process.preconditioning!r} do not fit: "
            f'inside a preconditioning the prediction is "F"'
        )
    if process.zero_terminal_snr and (schedule not in TABLES or target not in ("v", "x0")):
        raise UserError(
            f"zero_terminal_snr with schedule {schedule!r} and prediction {target!r}: it needs one of "
            f"{', '.join(TABLES)} and prediction v or x0, as the last level holds nothing of the image"
        )
    if schedule == "none" and (target, process.loss, process.noise_range) != ("x0", "mse", None):
        raise UserError(
            f"schedule 'none' with prediction {target!r}, loss {process.loss!r} and noise_range "
            f"{process.noise_range}: without noise it is x0 that is predicted, and all levels are one"
        )
    if process.schedule != "flow" and (process.timestep_density != "uniform" or process.shift != 1):
        raise UserError(f"timestep_density and shift belong to the flow schedule; received {schedule!r}")
    _require_range(process)


def _require_range(process: Process) -> None:
    if process.noise_range is None:
        return
    received = list(process.noise_range)
    top = float("inf") if process.schedule in EXPLODING else 1.0
    if len(received) != 2 or not received[0] < received[1] <= top:
        unit = "of σ" if process.schedule in EXPLODING else "of t/T, at most 1"
        raise UserError(f"training.noise_range: received {received}; expected [low, high] {unit}")


def per_bin(values: "Tensor", bins: "Tensor") -> "Tensor":
    """Return the mean of `values` [..., B] over each noise bin, [..., 8]; NaN where a bin is empty."""
    import torch

    member = torch.nn.functional.one_hot(bins, BINS).to(values.dtype)
    return values @ member / member.sum(0)


def _like(values: "Tensor", sample: "Tensor") -> "Tensor":
    return values.view(-1, *[1] * (sample.ndim - 1)).to(sample.dtype)
