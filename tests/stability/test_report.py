"""What is said of a design's stability, by node, edge, stack and fusion."""

import json

import pytest

from designer.check import check
from designer.presets import build
from designer.stability.report import BF16_STEP, describe
from designer.ui.handlers import predict_stability


@pytest.mark.parametrize("preset", ["ddpm-tiny", "dit-tiny", "steady-tiny", "svd-tiny"])
def test_every_node_and_edge_that_is_used_has_values(preset: str) -> None:
    design = build(preset)
    report = check(design)
    found = describe(design, report)
    assert found is not None and report.frame is not None
    json.dumps(found, allow_nan=False)
    main = report.frame.definition
    assert {f"{main.name}/{node}" for node in report.frame.live} <= found["nodes"].keys()
    assert {f"{main.name}/{a}->{b}" for a, b in main.edges if a in report.frame.reads} <= found[
        "edges"
    ].keys()
    assert len(found["levels"]) == 8
    assert [one["log_snr"] for one in found["levels"]] == sorted(
        (one["log_snr"] for one in found["levels"]), reverse=True
    )
    for node in found["nodes"].values():
        assert node["activation"]["low"] <= node["activation"]["rms"] <= node["activation"]["high"]


def test_branches_that_start_at_zero_have_no_share_and_no_loss() -> None:
    design = build("ddpm-tiny")
    found = describe(design, check(design))
    assert found is not None
    assert found["nodes"]["ResBlock/add"]["branch"]["rms"] == 0
    assert not found["edges"]["ResBlock/conv2.out->add.b"]["lost"]
    assert found["moved"] == ["conv_out"]
    assert round(found["nodes"]["UNet/conv_out"]["gradient"]["rms"], 9) == 1


def test_a_design_with_errors_has_no_prediction() -> None:
    document = json.loads(json.dumps({"format": "diffusion-design"}))
    assert predict_stability(json.dumps(document)) == {"stability": None}
    assert BF16_STEP == 2**-8
