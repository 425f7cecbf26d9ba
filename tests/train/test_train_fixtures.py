"""The known-answer pairs that need no design: the bad side is judged FAIL, the good side is not."""

import pytest

from tests.train.smoke_runs import judged

STEPS = 40
BAD = [
    ("transformer", "PostNorm24", "E3", STEPS),
    ("transformer", "NoNorm48", "E1", STEPS),
    ("transformer", "DoubleZero4", "E5", STEPS),
    ("unet", "LoudSkipNoNorm", "E2", 150),  # at 40 steps the gradient's peaks are still too few
]
GOOD = [
    ("transformer", "PreNorm24"),
    ("transformer", "PostNorm4"),
    ("transformer", "NoNorm48Scaled"),
    ("transformer", "AdaLNZero4"),
    ("unet", "UNet"),
    ("unet", "LoudSkip"),
    ("unet", "BoundedContentGate"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "model", "code", "steps"), BAD)
def test_bad_is_failed(name: str, model: str, code: str, steps: int) -> None:
    judgement = judged(name, model, steps, seeds=(0,))
    assert judgement.verdict == "fail"
    assert code in {reason.finding.code for reason in judgement.reasons}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "model"), GOOD)
def test_good_is_not_failed(name: str, model: str) -> None:
    assert judged(name, model, STEPS, seeds=(0,)).verdict != "fail"
