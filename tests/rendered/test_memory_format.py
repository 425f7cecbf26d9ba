"""`model.to(memory_format=torch.channels_last)` works on rendered models of images and changes no result."""

import pytest
import torch

from tests.rendered.models import TINY, model_of, tensors

VIDEO = {
    "cogvideox-tiny",
    "svd-tiny",
    "wan-tiny",
}  # torch takes no module with 3-D convolutions to this format
SAMPLE = ("ddpm-tiny", "adm-tiny", "sd-tiny", "dit-tiny", "edm2-tiny")


@pytest.mark.parametrize(
    "preset",
    [one if one in SAMPLE else pytest.param(one, marks=pytest.mark.slow) for one in TINY if one not in VIDEO],
)
def test_channels_last_changes_no_result(preset: str) -> None:
    model, inputs = model_of(preset)
    with torch.no_grad():
        expected = tensors(model(*inputs))
        model = model.to(memory_format=torch.channels_last)
        inputs = tuple(
            one.contiguous(memory_format=torch.channels_last) if one.ndim == 4 else one for one in inputs
        )
        found = tensors(model(*inputs))
    for one, other in zip(found, expected, strict=True):
        scale = other.abs().max()
        torch.testing.assert_close(one / scale, other / scale, rtol=0, atol=1e-5)
