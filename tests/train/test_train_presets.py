"""Real designs, rendered and trained: the files of a run, and verdicts that raise no false alarm."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from designer import build, load
from designer.render import load_model
from designer.train import TrainOptions, train
from designer.train.report import read_report


def test_a_run_leaves_its_design_source_weights_and_report(tmp_path: Path) -> None:
    design = build("dit-tiny")
    events: list[str] = []
    report = train(
        design, tmp_path, TrainOptions(steps=3, seeds=(0,)), lambda event: events.append(event["type"])
    )
    assert events[0] == "status" and events[-1] == "verdict"
    assert report == read_report(tmp_path / "report.json")
    assert report.verdict in ("ok", "warn")
    assert report.design == {"name": design.name, "hash": design.hash()}
    assert load(tmp_path / "design.json") == design
    model = load_model(tmp_path / "source")()
    model.load_state_dict(load_file(tmp_path / "weights.safetensors"), strict=True)
    nodes = {f"{name}/{node}" for name, one in design.definitions.items() for node in one.nodes}
    assert {node.node for node in report.seeds[0].nodes} <= nodes


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["ddpm-tiny", "dit-tiny"])
def test_sound_presets_are_ok(tmp_path: Path, preset: str) -> None:
    report = train(build(preset), tmp_path, TrainOptions(steps=100, seeds=(5,)))
    assert report.verdict == "ok", report.summary
