"""U-ViT as published against a straight-line implementation of the paper."""

from typing import Any

import pytest
import torch

from designer.check import check
from designer.presets import Preset, build
from designer.presets.uvit import PRESETS, uvit
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize
from tests.parity.straight_uvit import uvit as straight_uvit

VALUES: dict[str, Any] = {
    "input_size": 8, "patch_size": 2, "in_channels": 3, "hidden_size": 24, "depth": 4, "num_heads": 4, "mlp_ratio": 4.0,
    "fuse": "LongSkip",
}  # fmt: skip
CLASSES: dict[str, dict[str, Any]] = {
    "unconditional": {}, "classes": {"num_classes": 10}, "dropped": {"num_classes": 10, "class_dropout": 0.1},
}  # fmt: skip


@pytest.mark.parametrize("conv", [True, False])
@pytest.mark.parametrize("classes", CLASSES)
def test_output_is_that_of_the_paper(classes: str, conv: bool) -> None:
    torch.manual_seed(0)
    model = randomize(load_model(render(read_design(uvit({**VALUES, **CLASSES[classes]}, conv))))().eval())
    x, t = torch.randn(2, 3, 8, 8), torch.tensor([0.0, 731.0])
    y = torch.tensor([3, 9]) if CLASSES[classes] else None
    with torch.no_grad():
        wanted = straight_uvit(model.state_dict(), x, t, y, depth=4, count=4, patch=2)
        found = model(x, t) if y is None else model(x, t, y)
    assert difference([found], [wanted]) <= TOLERANCE


@pytest.mark.parametrize("fuse", ["Add", "LearnedLerp"])
@pytest.mark.parametrize("name", ["uvit-tiny", "hunyuan-dit-tiny"])
def test_long_skips_are_a_socket(name: str, fuse: str) -> None:
    design = build(name, {"fuse": fuse})
    assert check(design).ok
    model = load_model(render(design))()
    assert sum(one.numel() for one in model.parameters()) < sum(
        one.numel() for one in load_model(render(build(name)))().parameters()
    )


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_counts_are_equal(preset: Preset) -> None:
    assert preset.published in (None, preset.parameters)
