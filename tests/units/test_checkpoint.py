"""A checkpointed call is rendered through PyTorch's checkpointing, computes the same, and is kept in the document."""

import torch

from designer.diff import diff
from designer.document import Design, dumps, loads
from designer.memory import checkpoints
from designer.presets import build
from designer.render import load_model, render
from designer.summary import elaborated


def checkpointed(design: Design) -> Design:
    """Return the design with its innermost repeats checkpointed."""
    return checkpoints.checkpointed(design, elaborated(design))


def test_checkpointed_loop_gives_the_same_values_and_gradients() -> None:
    design = checkpointed(build("dit-tiny"))
    source = render(design).files["model.py"]
    assert "from torch.utils.checkpoint import checkpoint\n" in source
    assert "h = checkpoint(block, h, c, use_reentrant=False)" in source
    plain, model = load_model(render(build("dit-tiny")))(), load_model(render(design))()
    for one in plain.parameters():  # nothing starts at zero, so that every gradient says something
        torch.nn.init.normal_(one, std=0.05) if one.requires_grad else None
    model.load_state_dict(plain.state_dict())
    inputs = torch.randn(2, 1, 16, 16), torch.tensor([3, 500]), torch.tensor([1, 2])
    for one in (plain, model):
        one.eval()(*inputs).square().sum().backward()
    for one, other in zip(plain.parameters(), model.parameters(), strict=True):
        if one.requires_grad:
            assert torch.allclose(one.grad, other.grad, atol=1e-5)


def test_checkpoint_survives_the_document_and_shows_in_a_diff() -> None:
    design = build("dit-tiny")
    other = checkpointed(design)
    assert loads(dumps(other)) == other and "checkpoint" not in dumps(design)
    assert other.hash() != design.hash()
    assert [(one.place, one.what) for one in diff(design, other).changes] == [("DiT/blocks", "checkpoint")]
