"""How a skip differs from the stream that it joins, and from itself at other noise levels and conditions.

The four mismatches of skip fusion (article, section 4). Amplitude is ρ_act and ρ_contrib, which the probe
measures; here are the other three, one number a sample.
"""

import torch
from torch import Tensor
from torch.nn import functional


def fine_share(x: Tensor) -> Tensor:
    """Return the share of the energy, [B], that averaging over neighbours removes: 2×2 pixels, or pairs of tokens.

    0 for what is constant, 3/4 for white noise on a map [B, C, H, W], 1/2 for white noise on tokens [B, N, D].
    """
    x = x.detach().float()
    rows = x.transpose(1, 2).unsqueeze(2) if x.ndim == 3 else x
    maps = rows.reshape(len(x), -1, *rows.shape[-2:])
    coarse = functional.avg_pool2d(maps, [min(2, size) for size in maps.shape[2:]])
    energy = x.square().flatten(1).mean(1)
    return 1 - coarse.square().flatten(1).mean(1) / energy.clamp(min=1e-30)


def channel_profile(x: Tensor) -> Tensor:
    """Return how the energy lies over channels, [B, C] of unit length, for maps [B, C, ...] or tokens [B, N, C]."""
    squares = x.detach().float().square()
    energies = squares.mean(1) if x.ndim == 3 else squares.flatten(2).mean(2)
    return functional.normalize(energies, dim=1)


def shifts(profile: Tensor, bins: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return 1 - cosine, [B] each: of a sample's noise level to all levels, and of a sample to its own level.

    The first is how much the skip means something else at this noise level (timestep mismatch), the second
    how much it depends on the sample and its condition at one noise level (conditioning mismatch).
    """
    member = functional.one_hot(bins, count).to(profile.dtype)
    of_level = (member.T @ profile)[bins]
    overall = profile.mean(0, keepdim=True)
    level = 1 - torch.cosine_similarity(of_level, overall, dim=1)
    return level, 1 - torch.cosine_similarity(profile, of_level, dim=1)
