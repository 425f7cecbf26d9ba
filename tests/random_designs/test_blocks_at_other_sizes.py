"""What the check says of a block at other sizes is what PyTorch does with it: no false acceptance."""

from collections.abc import Iterable

import pytest

from tests.random_designs import freed, perturbed
from tests.random_designs.perturbed import Outcome


def _assert_no_false_acceptance(outcomes: Iterable[Outcome | None]) -> None:
    wrong = [one for one in outcomes if one is not None and one.verdict == "false acceptance"]
    assert not wrong, [(one.block, one.example, one.reason) for one in wrong[:3]]


def test_changed_examples() -> None:
    _assert_no_false_acceptance(perturbed.judge(seed) for seed in range(400))


def test_free_sizes() -> None:
    _assert_no_false_acceptance(one for seed in range(150) for one in freed.judge(seed))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_changed_examples(part: int) -> None:
    _assert_no_false_acceptance(perturbed.judge(seed) for seed in range(1000 * (part + 1), 1000 * (part + 2)))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_free_sizes(part: int) -> None:
    _assert_no_false_acceptance(
        one for seed in range(400 * (part + 1), 400 * (part + 2)) for one in freed.judge(seed)
    )
