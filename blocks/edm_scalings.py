"""The preconditioning of EDM: how input, output and skip of a network scale with the noise level."""

import torch
from torch import Tensor

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="EDMScalings",
    title="EDM preconditioning",
    family="Wrapping",
    tags=("noise_level",),
    kind="function",
    target="edm_scalings",
    summary="From σ: the factors of skip, output and input around a network, and the noise level that it sees.",
    glyph="σ",
    inputs=(Port("sigma", "sigma", "B", help="standard deviation of the noise; positive"),),
    outputs=(
        Port("c_skip", "any", "B"),
        Port("c_out", "any", "B"),
        Port("c_in", "any", "B"),
        Port("c_noise", "sigma", "B"),
    ),
    params=(Param("sigma_data", "float", 0.5, minimum=0.0, help="standard deviation of the data"),),
    saved=("sigma", "c_in", "3*sigma_numel"),
    formula="D(x) = c_skip x + c_out F(c_in x, c_noise); c_skip = s²/(σ²+s²), c_out = σs/√(σ²+s²), c_in = 1/√(σ²+s²), c_noise = ln(σ)/4",
    reference="Karras et al. 2022, arXiv:2206.00364, section 5",
    article="1.3, 2.2.5",
    stability=Stability(
        "input, target and gradient scale over noise levels from 10⁻³ to 10²",
        "input and training target of the network have unit variance at every σ",
        values={
            "c_skip": "sigma_data**2/(sigma**2 + sigma_data**2)",
            "c_out": "sigma*sigma_data/sqrt(sigma**2 + sigma_data**2)",
            "c_in": "1/sqrt(sigma**2 + sigma_data**2)",
            "c_noise": "log(sigma)/4",
        },
    ),
    examples=(Example({"sigma": (3,)}, {}), Example({"sigma": (3,)}, {"sigma_data": 1.0})),
)


def edm_scalings(sigma: Tensor, *, sigma_data: float = 0.5) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return c_skip, c_out, c_in, c_noise, each [B], for noise levels σ [B] (Karras et al. 2022, table 1)."""
    sigma = sigma.float()
    total = sigma**2 + sigma_data**2
    return sigma_data**2 / total, sigma * sigma_data * torch.rsqrt(total), torch.rsqrt(total), sigma.log() / 4
