"""The posterior of a variational autoencoder: from moments to a latent."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="GaussianPosterior",
    title="Gaussian posterior",
    family="Autoencoder",
    tags=("stochastic",),
    kind="module",
    target="GaussianPosterior",
    summary="Draws a latent from the mean and log-variance of an encoder in training; the mean otherwise.",
    glyph="𝒩",
    inputs=(Port("moments", "moments", "B channels H W", help="means, then log-variances"),),
    outputs=(Port("latent", "latent", "B channels//2 H W"),),
    params=(
        Param("channels", "int", inferred=True, minimum=2, structural=True, help="channels of the moments"),
    ),
    constraints=(
        Constraint(
            "channels % 2 == 0",
            "{channels} channels are not a mean and a log-variance for each channel of a latent",
        ),
    ),
    saved=("moments", "2*latent_numel"),
    formula="z = μ + exp(½ log σ²) ⊙ ε, ε ~ N(0, I) in training; z = μ in evaluation",
    reference="Kingma & Welling 2013, arXiv:1312.6114; Rombach et al. 2022, arXiv:2112.10752",
    article="2.3.1",
    stability=Stability(
        "latents between the encoded points: the decoder sees the surroundings of each",
        "noise of the learned scale; the log-variance is kept in [-30, 20], so that its exponential is finite",
        gain="1 + 1/q",
    ),
    examples=(
        Example({"moments": (2, 8, 4, 4)}, {}),
        Example({"moments": (1, 2, 3, 5)}, {}),
    ),
)


class GaussianPosterior(nn.Module):
    """Draw a latent in training, take its mean otherwise: [B, 2C, H, W] → [B, C, H, W] (Kingma & Welling 2013)."""

    def forward(self, moments: Tensor) -> Tensor:
        mean, log_variance = moments.chunk(2, dim=1)
        if not self.training:
            return mean
        deviation = torch.exp(0.5 * log_variance.clamp(-30.0, 20.0))
        return mean + deviation * torch.randn_like(mean)
