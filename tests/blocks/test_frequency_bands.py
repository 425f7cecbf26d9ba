"""Filters in real arithmetic against the Fourier transform."""

import pytest
import torch

from tests.blocks.loading import target

SIZES = [(8, 8), (16, 12), (7, 9), (6, 11)]


def fourier_box(x, cutoff, low, high):
    """Scale the box of ±cutoff about the centre of the shifted spectrum by low, the rest by high."""
    spectrum = torch.fft.fftshift(torch.fft.fftn(x, dim=(-2, -1)), dim=(-2, -1))
    row, column = x.shape[-2] // 2, x.shape[-1] // 2
    mask = torch.full(x.shape, high)
    mask[..., row - cutoff : row + cutoff, column - cutoff : column + cutoff] = low
    return torch.fft.ifftn(torch.fft.ifftshift(spectrum * mask, dim=(-2, -1)), dim=(-2, -1)).real


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("cutoff", [1, 2, 3])
def test_band_split_is_the_box_of_the_spectrum(size, cutoff):
    x = torch.randn(2, 3, *size)
    found = target("BandSplit")(x, low=0.4, high=0.9, cutoff=cutoff)
    torch.testing.assert_close(found, fourier_box(x, cutoff, 0.4, 0.9), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("factor", [0.2, 0.9])
def test_freeu_skip_is_what_diffusers_does(size, factor):
    from diffusers.utils.torch_utils import fourier_filter

    x = torch.randn(2, 3, *size)
    expected = fourier_filter(x, threshold=1, scale=factor)
    torch.testing.assert_close(target("FreeUSkip")(x, factor), expected, rtol=1e-4, atol=1e-5)


def test_freeu_attenuates_low_frequencies_and_leaves_high_ones():
    columns = torch.arange(16.0)
    flat, fine = torch.ones(1, 1, 16, 16), torch.cos(2 * torch.pi * 5 * columns / 16).expand(1, 1, 16, 16)
    torch.testing.assert_close(target("FreeUSkip")(flat, 0.2), 0.2 * flat, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(target("FreeUSkip")(fine, 0.2), fine, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(16, 12), (8, 8), (24, 17)], ids=str)
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_fresca_finds_its_cutoff_in_the_spectrum(size, threshold):
    x = torch.randn(2, 3, *size) + 2
    shifted = torch.fft.fftshift(torch.fft.fftn(x, dim=(-2, -1)), dim=(-2, -1)).abs().mean(dim=(0, 1))
    limit, cutoffs = min(size) // 4, []
    for line in (shifted[size[0] // 2], shifted[:, size[1] // 2]):
        reached = (line.cumsum(0) >= threshold * line.sum()).nonzero()
        cutoffs.append(min(int(reached[0, 0]), limit))
    expected = fourier_box(x, max(3, sum(cutoffs) // 2), 0.9, 1.3)
    found = target("FreSca")(x, low=0.9, high=1.3, threshold=threshold)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_band_split_by_noise_level():
    x, log_snr = torch.randn(3, 2, 8, 8), torch.tensor([-50.0, 0.0, 50.0])
    found = target("SNRBandSplit")(x, log_snr, cutoff=2)
    for index, high in enumerate((0.0, 0.5, 1.0)):
        expected = fourier_box(x[index : index + 1], 2, 1.0, high)
        torch.testing.assert_close(found[index : index + 1], expected, rtol=1e-4, atol=1e-5)


def test_freeu_backbones():
    x = torch.randn(2, 4, 3, 3)
    fixed = target("FreeUBackbone")(x, 1.5)
    assert torch.equal(fixed[:, :2], 1.5 * x[:, :2]) and torch.equal(fixed[:, 2:], x[:, 2:])
    adaptive = target("FreeUBackboneAdaptive")(x, 1.5)
    mean = x.mean(1)
    for sample in range(2):
        m = (mean[sample] - mean[sample].min()) / (mean[sample].max() - mean[sample].min())
        torch.testing.assert_close(adaptive[sample, :2], (0.5 * m + 1) * x[sample, :2])
    assert torch.equal(adaptive[:, 2:], x[:, 2:])
