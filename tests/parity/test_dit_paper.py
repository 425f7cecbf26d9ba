"""DiT as published, in all four ways of conditioning, against a straight-line implementation of the paper."""

import pytest
import torch

from designer.presets import Preset
from designer.presets.dit import PRESETS, dit
from designer.presets.dit_blocks import CONDITIONINGS, Conditioning
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize
from tests.parity.straight_dit import dit as straight_dit

VALUES = {
    "input_size": 12, "patch_size": 2, "in_channels": 3, "out_channels": 6, "hidden_size": 24, "depth": 3, "num_heads": 4,
    "mlp_ratio": 4.0, "num_classes": 10, "class_dropout": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_output_is_that_of_the_paper(conditioning: Conditioning) -> None:
    torch.manual_seed(0)
    model = randomize(load_model(render(read_design(dit(VALUES, conditioning))))().eval())
    # positions are constants
    model.position.table.data.copy_(
        load_model(render(read_design(dit(VALUES, conditioning))))().position.table
    )
    x, t, y = torch.randn(2, 3, 12, 8), torch.tensor([0.0, 731.0]), torch.tensor([3, 10])
    with torch.no_grad():
        wanted = straight_dit(model.state_dict(), x, t, y, conditioning, depth=3, count=4, patch=2)
        assert difference([model(x, t, y)], [wanted]) <= TOLERANCE


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_counts_are_equal(preset: Preset) -> None:
    assert preset.published in (None, preset.parameters)
