"""The prediction of second moments against real networks at initialisation."""

import math
import statistics
from collections.abc import Iterable

import pytest

from designer.check import check
from designer.presets import build, presets
from designer.shapes.values import SAMPLES
from designer.stability import predict
from designer.stability.activations import FUNCTIONS, moment_after
from tests.stability.measure import Comparison, Pair, compare, rank_correlation, together

SOME = ("ddpm-tiny", "dit-tiny", "sd-tiny", "sd3-tiny", "pixart-tiny", "uvit-tiny")


def _compared(ids: Iterable[str]) -> Comparison:
    return together([compare(preset) for preset in presets() if preset.id in ids])


def _median_factor(pairs: list[Pair]) -> float:
    return math.exp(statistics.median(one.log_error for one in pairs))


def test_predictions_rank_and_size_as_measured() -> None:
    found = _compared(SOME)
    assert len(found.activations) > 300 and len(found.gradients) > 200
    assert rank_correlation(found.activations) > 0.95 and _median_factor(found.activations) < 1.1
    assert rank_correlation(found.gradients) > 0.95 and _median_factor(found.gradients) < 1.25
    assert not found.unlike


@pytest.mark.slow
def test_predictions_over_every_tiny_denoiser() -> None:
    tiny = {
        one.id
        for one in presets()
        if "tiny" in one.id and any(port["role"] in SAMPLES for port in one.inputs)
    }
    found = _compared(tiny)
    assert rank_correlation(found.activations) > 0.95 and _median_factor(found.activations) < 1.1
    assert rank_correlation(found.gradients) > 0.95 and _median_factor(found.gradients) < 1.5
    assert len(found.unlike) <= 3


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
