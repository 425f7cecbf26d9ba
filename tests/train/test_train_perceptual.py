"""Perceptual weights of latent channels: the features against their formula, the sensitivity against the Jacobian."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from designer.autoencoder import Autoencoder
from designer.train.autoencoder import channel_weights, decoder_sensitivity
from designer.train.perceptual import CONTRAST, TAPS, bands, blur


def test_a_band_is_divided_by_its_local_contrast() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    taps = torch.tensor(TAPS, dtype=torch.float64)
    kernel = torch.outer(taps, taps).expand(3, 1, 5, 5)

    def filtered(x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), kernel, groups=3)

    low = filtered(image)[:, :, ::2, ::2]
    band = image - F.interpolate(low, scale_factor=2, mode="bilinear")
    wanted = [one / (CONTRAST + filtered(one.abs())) for one in (band, low)]
    for found, known in zip(bands(image), wanted, strict=True):
        torch.testing.assert_close(found, known)


def test_a_flat_picture_has_nothing_but_its_brightness() -> None:
    first, second, low = bands(torch.full((1, 1, 16, 16), 0.5))
    assert first.abs().max() < 1e-6 and second.abs().max() < 1e-6
    torch.testing.assert_close(low, torch.full_like(low, 0.5 / (CONTRAST + 0.5)))
    assert len(bands(torch.zeros(1, 1, 4, 4))) == 1


def test_sensitivity_is_that_of_the_features() -> None:
    torch.manual_seed(0)
    weight = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    latents = torch.randn(3, 2, 4, 4, dtype=torch.float64)

    def decode(z: Tensor) -> Tensor:
        return torch.tanh(F.conv_transpose2d(z, weight, stride=2, padding=1))

    found = decoder_sensitivity(Autoencoder(decode, decode), latents, bands)
    signs = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0)).sign().double()
    for channel in range(2):
        direction = torch.zeros_like(latents)
        direction[:, channel] = signs[channel]
        _, moved = torch.func.jvp(lambda z: bands(decode(z)), (latents,), (direction,))
        wanted = torch.stack([one.square().flatten(1).mean(1) for one in moved]).mean(0)
        torch.testing.assert_close(found[:, channel], wanted, rtol=0.02, atol=0)


@pytest.mark.parametrize("how", ["perceptual", "perceptual_adaptive"])
def test_a_channel_that_the_eye_sees_less_weighs_less(how: str) -> None:
    """Two channels move the image equally, one where it is flat and one where it is busy: contrast masks."""
    busy = torch.zeros(1, 1, 16, 32)
    busy[..., 16:] = torch.randn(16, 16, generator=torch.Generator().manual_seed(1)).sign()

    def decode(z: Tensor) -> Tensor:
        flat, hidden = (F.interpolate(z[:, k : k + 1], scale_factor=4.0) for k in (0, 1))
        return torch.cat([flat, hidden], dim=3) + busy

    autoencoder, latents = Autoencoder(decode, decode), torch.randn(5, 2, 4, 4) / 10
    plain = channel_weights({"channel_weighting": "decoder"}, (2, 4, 4), autoencoder, latents)
    seen = channel_weights({"channel_weighting": how}, (2, 4, 4), autoencoder, latents)
    assert plain is not None and seen is not None
    torch.testing.assert_close(plain, torch.ones(2))
    assert seen.shape == ((2,) if how == "perceptual" else (5, 2))
    assert (seen[..., 0] > 1.3 * seen[..., 1]).all()
    torch.testing.assert_close(seen.mean(-1), torch.ones(seen.shape[:-1]))
    assert blur(busy).shape == busy.shape
