"""One optimiser step of every tiny preset: a finite gradient on each parameter that is trained, none on the frozen.

Layers and gates that start at zero hide what lies behind them, so weights are moved a little first.
"""

from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from designer.document import Design
from designer.errors import UserError
from designer.export.exporter import example_inputs
from designer.presets import build, presets
from designer.render import load_model, render
from designer.train import TrainOptions
from designer.train.loop import SeedRun
from designer.train.runner import start
from tests.train.smoke_runs import job_of_design

TINY = [preset.id for preset in presets() if "tiny" in preset.id]
SAMPLE = ("adm-tiny", "csc-tuner-tiny", "dit-tiny-cross-attention", "edm2-tiny", "sd3-tiny", "svd-tiny")
PARTS = ("controlnet-tiny", "t2i-adapter-tiny")  # their outputs feed another network: there is no target

# Parameters that no published network can train, and why.
_SHIFT = "what is added to every key alike, and not turned by its position, softmax takes out again"
DEAD = {
    "cogvideox-tiny": {"*.k_norm.bias": _SHIFT},
    "dit-tiny-cross-attention": {"*.k.bias": _SHIFT},
    "hunyuan-dit-tiny": {"condition.pool.k.bias": _SHIFT, "*.cross_attn.k_norm.bias": _SHIFT},
    "latte-tiny": {"*.k.bias": _SHIFT},
    "pixart-tiny": {"*.k.bias": _SHIFT},
    "sd3-tiny": {"last_block.attn.context_norm_q.weight": "nothing reads the text after the last block"},
}
ROUNDING = (
    1e-7  # of the largest gradient: rounding leaves 1e-9 where the gradient is zero; others are above 1e-5
)


def moved(build: Callable[[], nn.Module]) -> nn.Module:
    """Return the model with every weight moved a little: nothing is zero any more."""
    model = build()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


def trained_step(design: Design) -> tuple[nn.Module, dict[str, Tensor]]:
    """Return the model after one step of a smoke-train, its gradients still there, and its weights before."""
    job = job_of_design(design, TrainOptions(steps=1, batch_size=4, seeds=(0,)))
    run = SeedRun(replace(job, build=partial(moved, job.build)), 0, lambda event: None)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    assert run.run().nonfinite is None
    return run.model, before


def part_step(design: Design) -> tuple[nn.Module, dict[str, Tensor]]:
    """Return the same for a part of a network, pulled by all of its outputs."""
    rendering = render(design)
    model = moved(load_model(rendering))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    spec = {"inputs": rendering.to_json()["inputs"], "training": design.training}
    outputs = [model(*example_inputs(spec, {"B": 2, "H": 64, "W": 64, "N": 7}, seed=0).values())]
    tensors: list[Tensor] = []
    while outputs:
        one = outputs.pop()
        (tensors.append if isinstance(one, Tensor) else outputs.extend)(one)
    torch.stack([one.square().mean() for one in tensors]).sum().backward()
    optimizer.step()
    return model, before


@pytest.mark.parametrize(
    "preset", [one if one in SAMPLE else pytest.param(one, marks=pytest.mark.slow) for one in TINY]
)
def test_each_parameter_has_a_gradient(preset: str) -> None:
    model, before = (part_step if preset in PARTS else trained_step)(build(preset))
    parameters = dict(model.named_parameters())
    gradients = {
        name: 0.0 if one.grad is None else float(one.grad.abs().max())
        for name, one in parameters.items()
        if one.requires_grad
    }
    assert all(one.grad.isfinite().all() for one in parameters.values() if one.grad is not None)
    least = ROUNDING * max(gradients.values())
    dead = {name for name in gradients for known in DEAD.get(preset, ()) if fnmatchcase(name, known)}
    assert {name for name, size in gradients.items() if not size > least} == dead
    still = {name for name, one in parameters.items() if torch.equal(one, before[name])}
    frozen = parameters.keys() - gradients.keys()
    assert frozen <= still <= frozen | dead


def test_what_is_frozen_has_none() -> None:
    design = build("sc-tuner-tiny")
    design = replace(design, training={**design.training, "frozen": ["UNet"], "trainable": ["SCTuner"]})
    model, before = trained_step(design)
    for name, one in model.named_parameters():
        assert ("tuner" in name) == (one.grad is not None) != torch.equal(one, before[name]), name


@pytest.mark.parametrize("preset", PARTS)
def test_a_part_alone_is_not_trained(preset: str, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"'(control|features)' is a control for another network.*train it inside"
    ):
        start(build(preset), tmp_path, TrainOptions(steps=1))
