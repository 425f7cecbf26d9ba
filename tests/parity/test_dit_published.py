"""DiT presets at their own sizes against the paper: counts, output, initialisation."""

import pytest
import torch

from designer.presets import build
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize
from tests.parity.straight_dit import dit, positions

COUNTS = {  # of facebookresearch/DiT, its frozen table of positions included
    "dit-s-2": 32_963_360, "dit-b-2": 130_512_416, "dit-l-2": 458_102_816, "dit-xl-2": 675_129_632,
}  # fmt: skip


@pytest.mark.parametrize("preset", COUNTS)
def test_counts_are_those_published(preset: str) -> None:
    with torch.device("meta"):
        model = load_model(render(build(preset)))()
    assert sum(one.numel() for one in model.parameters()) == COUNTS[preset]


@pytest.mark.parametrize("preset", ["dit-tiny", "dit-s-2"])
def test_output_is_that_of_the_paper(preset: str) -> None:
    torch.manual_seed(0)
    design = build(preset)
    model = load_model(render(design))().eval()
    values = design.parameters
    size, classes = values["input_size"], values["num_classes"]
    side = size // values["patch_size"]
    table = model.position.table.detach().clone()
    assert torch.allclose(
        table.reshape(side * side, -1), positions(values["hidden_size"], side, side), atol=1e-6
    )
    x, t, y = (
        torch.randn(2, values["in_channels"], size, size),
        torch.tensor([0.0, 731.0]),
        torch.tensor([3, classes]),
    )
    with torch.no_grad():
        assert model(x, t, y).abs().max() == 0, "the last layer starts at 0"
        randomize(model)
        model.position.table.copy_(table)
        sizes = {"depth": values["depth"], "count": values["num_heads"], "patch": values["patch_size"]}
        wanted = dit(model.state_dict(), x, t, y, "adaln-zero", **sizes)
        assert wanted.shape == (2, values["out_channels"], size, size)
        assert difference([model(x, t, y)], [wanted]) <= TOLERANCE


def test_an_untrained_block_is_the_identity() -> None:
    block = load_model(render(build("dit-tiny")))().blocks[0]
    x, c = torch.randn(2, 5, 64), torch.randn(2, 64)
    with torch.no_grad():
        assert torch.equal(block(x, c), x)
