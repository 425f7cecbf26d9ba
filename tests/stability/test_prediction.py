"""The prediction of second moments against real networks at initialisation."""

import math
import statistics

import pytest

from designer.check import check
from designer.presets import build, presets
from designer.shapes.values import SAMPLES
from designer.stability import predict
from designer.stability.activations import FUNCTIONS, moment_after
from tests.stability.measure import pairs, rank_correlation

SOME = ("ddpm-tiny", "dit-tiny", "sd-tiny", "sd3-tiny", "pixart-tiny", "uvit-tiny")


def test_predicted_rms_ranks_and_sizes_as_measured() -> None:
    found = [pair for preset in presets() if preset.id in SOME for pair in pairs(preset)]
    assert len(found) > 300
    assert rank_correlation(found) > 0.9
    assert math.exp(statistics.median(one.log_error for one in found)) < 1.1


@pytest.mark.slow
def test_predicted_rms_over_every_tiny_denoiser() -> None:
    tiny = [
        one for one in presets() if "tiny" in one.id and any(port["role"] in SAMPLES for port in one.inputs)
    ]
    found = [pair for preset in tiny for pair in pairs(preset)]
    assert rank_correlation(found) > 0.9
    assert math.exp(statistics.median(one.log_error for one in found)) < 1.5


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("q", [0.0, 0.1, 1.0, 25.0])
def test_moments_behind_activations_are_those_of_samples(name: str, q: float) -> None:
    import torch

    x = torch.randn(200_000, generator=torch.Generator().manual_seed(0)) * math.sqrt(q)
    sampled = statistics.fmean(FUNCTIONS[name](float(one)) ** 2 for one in x[:20_000])
    assert moment_after(name, q) == pytest.approx(sampled, rel=0.06, abs=1e-6)


def test_every_skip_of_a_unet_is_found_at_its_fusion() -> None:
    frame = check(build("ddpm-tiny")).frame
    assert frame is not None
    fusions = predict(frame).fusions
    assert len(fusions) == 9 and all(0.3 < one.ratio < 5 for one in fusions)
