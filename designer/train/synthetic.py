"""Synthetic images whose statistics are known: 1/f Gaussian fields, dead leaves, latents of any shape."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


def gaussian_fields(
    count: int, shape: tuple[int, ...], generator: "Generator", exponent: float = 1.0
) -> "Tensor":
    """Return `count` Gaussian fields [count, C, ...] with amplitude spectrum 1/f^exponent, zero mean, unit
    variance.

    Channels are independent. With exponent 1 the power spectrum is that of natural images (Field 1987), and
    the optimal denoiser is a Wiener filter, so the floor of every loss is known.
    """
    import torch

    axes = tuple(range(2, len(shape) + 1))
    white = torch.randn((count, *shape), generator=generator)
    if not axes:
        return white
    squared = torch.zeros(shape[1:])
    for axis, size in enumerate(shape[1:]):
        line = torch.fft.fftfreq(size) ** 2
        squared = squared + line.view([-1 if axis == i else 1 for i in range(len(shape) - 1)])
    smallest = min(1 / size for size in shape[1:])
    amplitude = squared.sqrt().clamp(min=smallest) ** -exponent
    # white noise has a flat power spectrum of one, so this is exactly unit variance in expectation
    amplitude = amplitude / amplitude.square().mean().sqrt()
    fields: Tensor = torch.fft.ifftn(torch.fft.fftn(white, dim=axes) * amplitude, dim=axes).real
    return fields


def dead_leaves(count: int, shape: tuple[int, ...], generator: "Generator", leaves: int = 120) -> "Tensor":
    """Return `count` dead-leaves images [count, C, H, W] in [-1, 1]: opaque discs whose radii follow r^-3.

    Scale-invariant with occlusion edges, as in natural images (Lee, Mumford & Huang 2001).
    """
    import torch

    channels, height, width = shape
    images = torch.zeros(count, channels, height, width)
    rows = torch.arange(height).view(1, -1, 1).float()
    columns = torch.arange(width).view(1, 1, -1).float()
    smallest, largest = 1.0, max(height, width) / 2
    for _ in range(leaves):
        u = torch.rand(count, 4, generator=generator)
        radius = (smallest**-2 - u[:, 0] * (smallest**-2 - largest**-2)) ** -0.5
        top, left = u[:, 1] * height, u[:, 2] * width
        distance = (rows - top.view(-1, 1, 1)) ** 2 + (columns - left.view(-1, 1, 1)) ** 2
        inside = (distance <= radius.view(-1, 1, 1) ** 2).unsqueeze(1)
        colour = torch.rand(count, channels, 1, 1, generator=generator) * 2 - 1
        images = torch.where(inside, colour, images)
    return images


def latents(count: int, shape: tuple[int, ...], generator: "Generator") -> "Tensor":
    """Return `count` tensors [count, C, ...] of unit variance, smooth in space, correlated in channels."""
    import torch

    fields = gaussian_fields(count, shape, generator, exponent=0.7)
    mixing = torch.eye(shape[0]) + 0.3 * torch.randn(shape[0], shape[0], generator=generator)
    mixing = mixing / mixing.norm(dim=1, keepdim=True)
    mixed: Tensor = torch.einsum("ij,bj...->bi...", mixing, fields)
    return mixed
