"""Sizes that inputs name without a parameter are arguments of rendered classes: any value builds a working model."""

import torch

from designer.presets import build
from designer.render import load_model, render


def test_the_size_of_the_condition_is_free() -> None:
    model = load_model(render(build("steady-tiny")))(cond_size=24)
    assert model.middle.blocks[0].msa.modulator.proj.in_features == 24
    x, t, y = torch.randn(2, 1, 16, 8), torch.tensor([1.0, 900.0]), torch.tensor([0, 10])
    assert model(x, t, y).shape == x.shape


def test_the_index_of_a_loop_has_a_name_only_where_it_is_read() -> None:
    source = render(build("hdit-tiny")).files["model.py"]
    assert "for _ in range(depth)" in source and "for i in range(depth)" not in source
