"""Predicted memory against what PyTorch holds: real tensors with AdamW, and fake ones, which measure the same."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from benchmarks._live import LiveMemory
from benchmarks.memory import compare, inputs_of, measure
from designer.presets import Preset, build, presets
from designer.render import load_model, render
from designer.summary import elaborated, summarize

AIM = 0.1


def by_id(name: str) -> Preset:
    """The preset of this id."""
    return next(one for one in presets() if one.id == name)


def test_a_real_training_step_with_adamw_peaks_where_predicted() -> None:
    design = build("dit-tiny")
    frame, point = elaborated(design), {"B": 4, "H": 16, "W": 16}
    model = load_model(render(design))().train()
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], fused=True)
    inputs = inputs_of(frame, point)
    with LiveMemory() as live:
        live.hold([list(model.parameters()), list(model.buffers()), inputs])
        with torch.no_grad():
            target = torch.zeros_like(model(*inputs))
        for _ in range(2):  # the second step finds the moments that the first made
            live.peak = live.live
            F.mse_loss(model(*inputs), target).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    assert summarize(design, point).memory.training == pytest.approx(live.peak, rel=AIM)


def test_fake_tensors_measure_what_real_ones_do() -> None:
    design = build("uvit-tiny")
    frame = elaborated(design)
    point: dict[str, Any] = dict(summarize(design, {"B": 2}).at)
    assert measure(design, frame, point) == pytest.approx(measure(design, frame, point, fake=False), rel=0.01)


def test_flops_are_equal_and_memory_is_within_a_tenth() -> None:
    result = compare(by_id("uvit-tiny"))
    assert result.summary.flops == result.flops
    assert all(abs(one.error) <= AIM for one in result.memory)
    assert result.memory[2].measured < result.memory[1].measured


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ddpm-tiny", "flux-tiny", "sd-tiny", "sd3-tiny", "steady-tiny"])
def test_memory_of_other_families_is_within_a_tenth(name: str) -> None:
    assert all(abs(one.error) <= AIM for one in compare(by_id(name)).memory)
