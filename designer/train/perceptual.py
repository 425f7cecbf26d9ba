"""What the eye sees of a picture, as numbers: a Laplacian pyramid, each band divided by its local contrast.

A normalised Laplacian pyramid (Laparra et al. 2016, "Perceptual image quality assessment using a normalized
Laplacian pyramid"), with the binomial filter of Burt & Adelson 1983 as the only filter: nothing is learned, so
that the same features serve every kind of picture. A change counts less where the picture is busy.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
CONTRAST = 0.34  # what a band is compared with where nothing is around: 0.17 of images in [0, 1]
_LEAST = 4  # pixels on a side of the coarsest band


def bands(images: Tensor) -> list[Tensor]:
    """Return the bands, finest first and the low-pass last, of images [B, C, H, W] in [-1, 1]."""
    found = []
    while min(images.shape[2:]) >= 2 * _LEAST:
        low = blur(images)[:, :, ::2, ::2]
        found.append(images - F.interpolate(low, images.shape[2:], mode="bilinear", align_corners=False))
        images = low
    return [band / (CONTRAST + blur(band.abs())) for band in (*found, images)]


def blur(images: Tensor) -> Tensor:
    """Return images [B, C, H, W] under the binomial filter, their borders repeated."""
    taps = torch.tensor(TAPS, dtype=images.dtype, device=images.device)
    padded = F.pad(images.flatten(0, 1).unsqueeze(1), (2, 2, 2, 2), mode="replicate")
    rows = F.conv2d(padded, taps.view(1, 1, 1, -1))
    return F.conv2d(rows, taps.view(1, 1, -1, 1)).view_as(images)
