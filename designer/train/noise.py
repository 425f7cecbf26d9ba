"""The forward process of a smoke-train: schedules, prediction targets, stratified noise levels.

Noise levels are timesteps t in [0, T): t = 0 is the least noise. A level belongs to one of eight equal bins,
and every batch holds every bin, so that losses can be compared bin by bin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from designer.errors import UserError
from designer.train.options import PREDICTIONS, SCHEDULES

if TYPE_CHECKING:
    from torch import Generator, Tensor

BINS = 8
_BETA_START, _BETA_END, _MAX_BETA = 1e-4, 2e-2, 0.999
EXPLODING = ("edm", "ve")  # schedules that add noise to an unscaled image
_EDM_MEAN, _EDM_STD, _EDM_DATA = -1.2, 1.2, 0.5  # of ln σ, and of the data (arXiv:2206.00364 table 1)
_VE_LOW, _VE_HIGH = 0.01, 50.0


def linear_alphas_cumprod(timesteps: int) -> "Tensor":
    """Return the product of 1 - beta, [T] float64, of DDPM's linear betas (arXiv:2006.11239 §4)."""
    import torch

    betas = torch.linspace(_BETA_START, _BETA_END, timesteps, dtype=torch.float64)
    return torch.cumprod(1 - betas, dim=0)


def cosine_alphas_cumprod(timesteps: int) -> "Tensor":
    """Return the cosine schedule, [T] float64, betas capped at 0.999 (arXiv:2102.09672 §3.2)."""
    import torch

    edges = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    level = torch.cos((edges + 0.008) / 1.008 * torch.pi / 2) ** 2
    betas = (1 - level[1:] / level[:-1]).clamp(max=_MAX_BETA)
    return torch.cumprod(1 - betas, dim=0)


@dataclass(frozen=True)
class Process:
    """x_t = alpha(t) x_0 + sigma(t) eps and what the network is asked to predict from x_t.

    `schedule` is linear or cosine (alpha² + sigma² = 1, t a whole number), flow (alpha = 1 - t/T, sigma = t/T,
    t a real number), edm (alpha = 1, ln sigma normal) or ve (alpha = 1, ln sigma uniform); `prediction` is
    epsilon, v, x0, flow (the velocity eps - x_0) or score (-eps/sigma). With `uncertainty` the network's second
    output is the logarithm of the error to expect, which divides it.
    """

    schedule: str
    prediction: str
    timesteps: int = 1000
    uncertainty: bool = False

    @classmethod
    def of(
        cls, training: Mapping[str, Any], schedule: str | None = None, prediction: str | None = None
    ) -> "Process":
        """Return the process a design's `training` asks for, where `schedule` and `prediction` override it.

        Raises UserError for an unknown name or for a pair that has no meaning together.
        """
        target = prediction or training.get("prediction") or ("flow" if schedule == "flow" else "epsilon")
        levels = schedule or training.get("schedule") or ("flow" if target == "flow" else "linear")
        timesteps = training.get("timesteps", 1000)
        if target not in PREDICTIONS:
            raise UserError(f"prediction: received {target!r}, expected one of {', '.join(PREDICTIONS)}")
        if levels not in SCHEDULES:
            raise UserError(f"schedule: received {levels!r}, expected one of {', '.join(SCHEDULES)}")
        if not isinstance(timesteps, int) or timesteps < BINS:
            raise UserError(
                f"training.timesteps: received {timesteps!r}, expected a whole number of at least {BINS}"
            )
        if (target == "flow") != (levels == "flow") and (target == "flow" or target == "v"):
            raise UserError(
                f'schedule {levels!r} and prediction {target!r} do not fit: "flow" velocity needs the flow '
                f'schedule, and "v" needs linear or cosine'
            )
        return cls(levels, target, timesteps, training.get("uncertainty") is True)

    def alpha_sigma(self, t: "Tensor") -> tuple["Tensor", "Tensor"]:
        """Return alpha and sigma, each [B] float32, at the noise levels `t` [B] in [0, T)."""
        import torch

        if self.schedule == "flow":
            sigma = (t.double() / self.timesteps).float()
            return 1 - sigma, sigma
        if self.schedule in EXPLODING:
            share = (t.double() + 0.5) / self.timesteps
            if self.schedule == "edm":
                sigma = torch.exp(_EDM_MEAN + _EDM_STD * torch.special.ndtri(share)).float()
            else:
                sigma = (_VE_LOW * (_VE_HIGH / _VE_LOW) ** share).float()
            return torch.ones_like(sigma), sigma
        table = linear_alphas_cumprod if self.schedule == "linear" else cosine_alphas_cumprod
        level = table(self.timesteps).to(t.device)[t.long()]
        return level.sqrt().float(), (1 - level).sqrt().float()

    def noised(self, x0: "Tensor", eps: "Tensor", t: "Tensor") -> "Tensor":
        """Return x_t, of the shape of `x0` [B, ...], at the noise levels `t` [B]."""
        alpha, sigma = (_like(value, x0) for value in self.alpha_sigma(t))
        return alpha * x0 + sigma * eps

    def target(self, x0: "Tensor", eps: "Tensor", t: "Tensor") -> "Tensor":
        """Return what to predict, of the shape of `x0`: eps, alpha·eps - sigma·x0, x0, eps - x0 or -eps/sigma."""
        if self.prediction == "epsilon":
            return eps
        if self.prediction == "x0":
            return x0
        if self.prediction == "flow":
            return eps - x0
        if self.prediction == "score":
            return -eps / _like(self.alpha_sigma(t)[1], x0)
        alpha, sigma = (_like(value, x0) for value in self.alpha_sigma(t))
        return alpha * eps - sigma * x0

    def weight(self, t: "Tensor") -> "Tensor":
        """Return the weight of each sample's squared error, [B]: sigma² for a score, EDM's on its schedule, else 1."""
        import torch

        sigma = self.alpha_sigma(t)[1]
        if self.prediction == "score":
            return sigma**2
        if self.schedule == "edm" and self.prediction == "x0":
            return (sigma**2 + _EDM_DATA**2) / (sigma * _EDM_DATA) ** 2
        return torch.ones_like(sigma)

    def sample_levels(self, count: int, generator: "Generator") -> tuple["Tensor", "Tensor"]:
        """Draw `count` noise levels, stratified: (t float32 [count], bin int64 [count] in 0..7).

        With `count` a multiple of eight each bin holds exactly count / 8; otherwise the bins that hold one
        more are drawn at random, so that over many batches no bin is favoured.
        """
        import torch

        order = torch.randperm(BINS, generator=generator)
        bins = order[torch.arange(count) % BINS]
        u = torch.rand(count, generator=generator, dtype=torch.float64)
        t = (bins + u) / BINS * self.timesteps
        if self.schedule != "flow":
            # floor lands in the bin below only where T/8 is not whole; the bin is then the level's own
            t = t.floor().clamp(max=self.timesteps - 1)
            bins = (t * BINS / self.timesteps).long()
        return t.float(), bins


def per_bin(values: "Tensor", bins: "Tensor") -> "Tensor":
    """Return the mean of `values` [..., B] over each noise bin, [..., 8]; NaN where a bin is empty."""
    import torch

    member = torch.nn.functional.one_hot(bins, BINS).to(values.dtype)
    return values @ member / member.sum(0)


def _like(values: "Tensor", sample: "Tensor") -> "Tensor":
    return values.view(-1, *[1] * (sample.ndim - 1)).to(sample.dtype)
