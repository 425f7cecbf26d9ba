"""The log-SNR of a timestep under a noise schedule: what gates that follow the noise level read."""

import math

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="LogSNRLinear",
        title="log-SNR, linear betas",
        family="Noise level",
        tags=("noise_level",),
        kind="module",
        target="LogSNRLinear",
        summary="From the timestep to log(ᾱ/(1 − ᾱ)) for DDPM's linear betas.",
        glyph="λ",
        inputs=(Port("t", "timestep", "B"),),
        outputs=(Port("log_snr", "log_snr", "B"),),
        params=(
            Param(
                "timesteps",
                "int",
                1000,
                minimum=2,
                positional=True,
                omit=None,
                help="steps of the schedule, T",
            ),
            Param("beta_start", "float", 1e-4, minimum=0.0, help="first beta"),
            Param("beta_end", "float", 0.02, minimum=0.0, maximum=0.999, help="last beta"),
        ),
        formula="λ = log(ᾱ_t / (1 − ᾱ_t)), ᾱ_t = Π(1 − β_i), β linear",
        reference="Ho et al. 2020, arXiv:2006.11239, section 4",
        article="1.3, 5.2",
        stability=Stability(
            "the scale of what a noise-level gate reads",
            "about −10 to 9 over the schedule, where t runs from 0 to 999",
            bounded=True,
            values={"log_snr": "log_snr"},
        ),
        examples=(Example({"t": (3,)}, {}), Example({"t": (3,)}, {"timesteps": 100, "beta_end": 0.1})),
    ),
    BlockSpec(
        name="LogSNRCosine",
        title="log-SNR, cosine schedule",
        family="Noise level",
        tags=("noise_level",),
        kind="function",
        target="log_snr_cosine",
        summary="From the timestep to log(ᾱ/(1 − ᾱ)) for the cosine schedule.",
        glyph="λ",
        inputs=(Port("t", "timestep", "B"),),
        outputs=(Port("log_snr", "log_snr", "B"),),
        params=(Param("timesteps", "int", 1000, minimum=2, help="steps of the schedule, T"),),
        saved=("6*t_numel",),
        formula="λ = log(ᾱ/(1 − ᾱ)), ᾱ = cos²(π/2·((t+1)/T + s)/(1 + s)) / cos²(π/2·s/(1 + s)), s = 0.008",
        reference="Nichol & Dhariwal 2021, arXiv:2102.09672, section 3.2",
        article="1.3, 5.2",
        stability=Stability(
            "the scale of what a noise-level gate reads",
            "ᾱ is kept within [1e-5, 1 − 1e-5], so |λ| ≤ 11.6 at either end",
            bounded=True,
            values={"log_snr": "log_snr"},
        ),
        examples=(Example({"t": (3,)}, {}), Example({"t": (3,)}, {"timesteps": 100})),
    ),
    BlockSpec(
        name="LogSNRFlow",
        title="log-SNR, flow matching",
        family="Noise level",
        tags=("noise_level",),
        kind="function",
        target="log_snr_flow",
        summary="From the time to 2·log((1 − σ)/σ), σ = t/T, for x_t = (1 − σ)x₀ + σε.",
        glyph="λ",
        inputs=(Port("t", "timestep", "B"),),
        outputs=(Port("log_snr", "log_snr", "B"),),
        params=(
            Param(
                "timesteps",
                "int",
                1000,
                minimum=1,
                help="the time at which only noise is left, T; 1 for t in [0, 1]",
            ),
        ),
        saved=("4*t_numel",),
        formula="λ = 2 log((1 − σ)/σ), σ = t/T",
        reference="Lipman et al. 2022, arXiv:2210.02747",
        article="1.3, 5.2",
        stability=Stability(
            "the scale of what a noise-level gate reads",
            "σ is kept within [1e-3, 1 − 1e-3], so |λ| ≤ 13.8 at either end",
            bounded=True,
            values={"log_snr": "log_snr"},
        ),
        examples=(Example({"t": (3,)}, {}), Example({"t": (3,)}, {"timesteps": 1})),
    ),
    BlockSpec(
        name="LogSNRSigma",
        title="log-SNR of sigma",
        family="Noise level",
        tags=("noise_level",),
        kind="function",
        target="log_snr_sigma",
        summary="From the noise level of EDM and NCSN++ to −2·log(σ/σ_data).",
        glyph="λ",
        inputs=(Port("sigma", "sigma", "B"),),
        outputs=(Port("log_snr", "log_snr", "B"),),
        params=(Param("sigma_data", "float", 0.5, minimum=1e-3, help="standard deviation of the data"),),
        saved=("sigma", "sigma_numel"),
        formula="λ = −2 log(σ/σ_data)",
        reference="Karras et al. 2022, arXiv:2206.00364",
        article="1.3, 5.2",
        stability=Stability(
            "the scale of what a noise-level gate reads",
            "a logarithm: about −10 to 11 for σ from 80 to 0.002; σ is kept above 1e-4",
            values={"log_snr": "-2*log(sigma/sigma_data)"},
        ),
        examples=(Example({"sigma": (3,)}, {}),),
    ),
)


class LogSNRLinear(nn.Module):
    """log-SNR of whole timesteps under linear betas: t [B] → [B] (Ho et al. 2020)."""

    table: Tensor

    def __init__(self, timesteps: int, *, beta_start: float = 1e-4, beta_end: float = 0.02) -> None:
        super().__init__()
        betas = torch.linspace(beta_start, beta_end, timesteps, dtype=torch.float64)
        level = torch.cumprod(1 - betas, dim=0)
        self.register_buffer("table", torch.log(level / (1 - level)).float(), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        return self.table[t.long().clamp(0, len(self.table) - 1)]


def log_snr_cosine(t: Tensor, *, timesteps: int = 1000) -> Tensor:
    """log-SNR of timesteps under the cosine schedule: t [B] → [B] (Nichol & Dhariwal 2021)."""
    shift = 0.008
    angle = ((t + 1) / timesteps + shift) / (1 + shift) * (math.pi / 2)
    start = math.cos(shift / (1 + shift) * math.pi / 2)
    level = (torch.cos(angle) / start).square().clamp(1e-5, 1 - 1e-5)
    return torch.log(level / (1 - level))


def log_snr_flow(t: Tensor, *, timesteps: int = 1000) -> Tensor:
    """log-SNR of times of the straight path x_t = (1 − σ)x₀ + σε, σ = t/T: t [B] → [B]."""
    sigma = (t / timesteps).clamp(1e-3, 1 - 1e-3)
    return 2 * torch.log((1 - sigma) / sigma)


def log_snr_sigma(sigma: Tensor, *, sigma_data: float = 0.5) -> Tensor:
    """log-SNR of noise levels: sigma [B] → [B] (Karras et al. 2022)."""
    return -2 * torch.log(sigma.clamp(min=1e-4) / sigma_data)
