"""A call's own tape, played wherever an equal call stands, gives what recording every call in place gives."""

import pytest

from designer.errors import UserError
from designer.freezing import Freezing
from designer.memory import checkpoints, inference, record, training
from designer.operating import OperatingPoint
from designer.presets import build
from designer.summary import elaborated

AT = OperatingPoint({"B": 2, "N": 77, "T": 8, "H": 32, "W": 32})


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("name", ["sd-tiny", "dit-tiny", "hdit-tiny", "steady-tiny", "uvit-tiny"])
def test_played_as_recorded_in_place(name: str, learned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    design = build(name)
    frame = elaborated(design)
    choices = (checkpoints.designed, checkpoints.innermost(frame), lambda owner, node: True)
    for freezing in (Freezing.of(design), Freezing(frozenset(list(design.definitions)[1:3]))):
        told = []
        for limit in (-1, 1, 4_000):
            monkeypatch.setattr("designer.memory.recorder.MAX_PART", limit)
            tape = record(frame, AT, 4, choices, freezing, learned)
            told.append((inference(tape), *(training(tape, choice) for choice in range(len(choices)))))
        assert told[0] == told[1] == told[2]


def test_too_many_operators_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("designer.memory.recorder.MAX_OPERATORS", 20)
    with pytest.raises(UserError, match="too many to follow its memory"):
        record(elaborated(build("dit-tiny")), AT, 4, ())
