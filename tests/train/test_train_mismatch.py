"""The four mismatches of skip fusion, on tensors whose answer is known, and in the report of a run."""

import pytest
import torch

from designer.train import TrainOptions
from designer.train.mismatch import channel_profile, fine_share, shifts
from designer.train.summarise import seed_report
from tests.train.smoke_runs import records_of

GENERATOR = torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("shape", "white"), [((2, 8, 64, 64), 0.75), ((2, 4096, 8), 0.5), ((2, 4, 3, 32, 32), 0.75)]
)
def test_share_of_fine_detail(shape: tuple, white: float) -> None:
    noise = torch.randn(shape, generator=GENERATOR)
    assert (fine_share(noise) - white).abs().max() < 0.02
    assert fine_share(torch.ones(shape)).abs().max() < 1e-6
    line = torch.ones(shape)
    line[..., ::2, :] *= -1
    assert (fine_share(line) - 1).abs().max() < 1e-6


def test_profiles_lie_over_channels() -> None:
    loud = torch.tensor([3.0, 4.0]).sqrt()
    for x in (torch.ones(1, 2, 4, 4) * loud.view(1, 2, 1, 1), torch.ones(1, 5, 2) * loud):
        torch.testing.assert_close(channel_profile(x), torch.tensor([[0.6, 0.8]]))


def test_a_skip_that_changes_with_the_level_and_one_that_changes_with_the_sample() -> None:
    bins, axes = torch.tensor([0, 0, 1, 1]), torch.eye(2)
    level, sample = shifts(axes[[0, 0, 1, 1]], bins, 8)  # one channel at each level
    torch.testing.assert_close(level, torch.full((4,), 1 - 0.5**0.5))
    assert sample.abs().max() < 1e-6
    level, sample = shifts(axes[[0, 1, 0, 1]], bins, 8)  # one channel for each sample of a level
    assert level.abs().max() < 1e-6
    torch.testing.assert_close(sample, torch.full((4,), 1 - 0.5**0.5))


def test_the_report_holds_them_where_skips_fuse() -> None:
    (record,) = records_of("unet", "UNet", TrainOptions(steps=1, batch_size=16, seeds=(0,)))
    report = seed_report(record, "ok")
    places = [one.place for one in report.skip_to_trunk]
    assert places
    for found in (report.skip_frequency_gap, report.skip_timestep_shift, report.skip_condition_spread):
        assert [one.place for one in found] == places
        assert all(value is not None and -1 <= value <= 1 for one in found for value in one.start)
