"""Losses over channels and levels against their formulas; frozen backbones keep their weights, adapters learn."""

import copy
from dataclasses import replace

import pytest
import torch

from designer import build
from designer.errors import UserError
from designer.train import TrainOptions
from designer.train.freezing import require_parts
from designer.train.loop import SeedRun
from designer.train.objective import squared_errors, static_weights, weighted_loss
from designer.train.runner import start
from designer.train.starting import load_backbone
from tests.train.smoke_runs import job_of_design


def test_channel_weights_are_scaled_to_mean_one() -> None:
    weights = static_weights({"channel_weights": [1, 2, 0, 1]}, (4, 8, 8))
    assert weights is not None and weights.tolist() == [1, 2, 0, 1]
    a, b = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8)
    expected = (torch.tensor([1.0, 2, 0, 1]).view(4, 1, 1) * (a - b) ** 2).mean((1, 2, 3))
    torch.testing.assert_close(squared_errors(a, b, weights), expected)
    frames_first = squared_errors(a.movedim(1, 2), b.movedim(1, 2), weights, axis=2)
    torch.testing.assert_close(frames_first, expected)
    assert static_weights({"channel_weights": [3, 3]}, (2, 4, 4)).tolist() == [1, 1]
    with pytest.raises(UserError, match="expected 4 numbers"):
        static_weights({"channel_weights": [1, 2]}, (4, 8, 8))


def test_learned_uncertainty_is_least_at_the_logarithm_of_the_error() -> None:
    """The minimum over u of e/exp(u) + u is at u = ln e, where the gradient of the errors is 1/e each."""
    errors = torch.tensor([0.1, 2.0, 30.0])
    level = errors.log().requires_grad_()
    loss = weighted_loss(errors, torch.ones(3), level)
    assert float(loss.detach()) == pytest.approx(float((1 + errors.log()).mean()), rel=1e-6)
    assert torch.autograd.grad(loss, level)[0].abs().max() < 1e-6


def _trained(model: torch.nn.Module) -> torch.nn.Module:
    """Return the model as if its backbone had been trained: a fresh one puts out zeros, which hide adapters."""
    torch.nn.init.normal_(getattr(model, "unet", model).conv_out.weight, std=0.1)
    return model


@pytest.mark.parametrize(
    ("preset", "frozen", "trainable", "learns"),
    [
        ("sc-tuner-tiny", ["UNet"], ["SCTuner"], "tuner"),
        ("sd-controlnet-tiny", ["ControlledUNet/unet"], [], "control"),
        pytest.param("sd-adapter-tiny", ["UNet"], [], "adapter", marks=pytest.mark.slow),
    ],
)
def test_adapters_train_alone(preset: str, frozen: list, trainable: list, learns: str) -> None:
    design = build(preset)
    design = replace(design, training={**design.training, "frozen": frozen, "trainable": trainable})
    job = job_of_design(design, TrainOptions(steps=2, batch_size=2, seeds=(0,)))
    run = SeedRun(replace(job, build=lambda: _trained(job.build())), 0, lambda event: None)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.run()
    changed = {name for name, value in run.model.state_dict().items() if not torch.equal(value, before[name])}
    learned = {name for name, one in run.model.named_parameters() if one.requires_grad}
    assert learned and all(learns in name for name in learned) and changed <= learned
    # a zero connector is the first to move; behind it everything has a gradient from the second step on
    assert all(one.grad is not None for name, one in run.model.named_parameters() if name in learned)
    assert changed and run.record.nonfinite is None and len(before) > len(learned)


def test_a_part_that_is_not_there_is_refused(tmp_path) -> None:
    design = build("sc-tuner-tiny")
    design = replace(design, training={**design.training, "frozen": ["Backbone"]})
    with pytest.raises(UserError, match=r"no part 'Backbone'; name a definition .*SCTuner"):
        start(design, tmp_path, TrainOptions(steps=1))
    require_parts({"frozen": ["A", "A/b"]}, {("AOfTwoKinds", "b", "A")})


def test_nothing_left_to_train_is_refused() -> None:
    design = build("sc-tuner-tiny")
    design = replace(design, training={**design.training, "frozen": ["UNet"]})
    with pytest.raises(UserError, match="nothing is left to train"):
        SeedRun(job_of_design(design, TrainOptions(steps=1)), 0, lambda event: None)


@pytest.mark.parametrize(
    "preset",
    [
        "edm2-tiny",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("edm-ncsnpp-tiny", "ncsnpp-tiny", "hdit-tiny")
        ),
    ],
)
def test_networks_of_sigma_train_a_step(preset: str) -> None:
    options = TrainOptions(steps=1, batch_size=8, seeds=(0,))
    record = SeedRun(job_of_design(build(preset), options), 0, lambda event: None).run()
    assert record.nonfinite is None and record.grad_norm[0] > 0


def test_a_trained_backbone_is_put_where_it_fits() -> None:
    torch.manual_seed(0)
    base = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    model = torch.nn.ModuleDict({"adapter": torch.nn.Linear(3, 4), "unet": copy.deepcopy(base)})
    load_backbone(model, {name: value + 1 for name, value in base.state_dict().items()}, "base")
    assert torch.equal(model["unet"][1].weight, base[1].weight + 1)
    with pytest.raises(UserError, match=r"1 of 1 tensors, 7\.weight"):
        load_backbone(model, {"7.weight": torch.zeros(2)}, "base")
