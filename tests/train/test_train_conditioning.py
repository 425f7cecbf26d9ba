"""Channels that are given beside the noisy sample: an inpainting mask, the first frame of a video."""

import pytest
import torch

from designer.presets import build
from designer.train.inputs import predicted
from designer.train.loop import SeedRun, make_batch
from designer.train.options import TrainOptions
from tests.train.smoke_runs import job_of_design


@pytest.mark.parametrize(("preset", "axis", "given"), [("svd-tiny", 2, 1), ("dit-tiny", 1, 0)])
def test_given_channels_stay_clean_and_are_no_target(preset: str, axis: int, given: int) -> None:
    job = job_of_design(build(preset), TrainOptions(steps=1, seeds=(0,), batch_size=2, data="auto"))
    batch = make_batch(job, 0, 0)
    x = batch.arguments[0]
    assert job.conditioning == given and job.channel_axis == axis
    assert batch.target.shape[axis] == x.shape[axis] - given
    clean = job.data.samples.narrow(axis, x.shape[axis] - given, given)
    for sample in x.narrow(axis, x.shape[axis] - given, given):
        assert any(torch.equal(sample, one) for one in clean)
    with torch.no_grad():
        output = job.build()(*batch.arguments)
    assert predicted(output, batch.target.shape[axis], axis).shape == batch.target.shape
    record = SeedRun(job, 0, lambda event: None).run()
    assert record is not None
