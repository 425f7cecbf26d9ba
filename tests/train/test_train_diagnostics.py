"""The probe's numbers against a straight recomputation, and what it leaves alone."""

import numpy as np
import pytest
import torch
from torch import nn

from designer.train.diagnostics import Probe
from designer.train.loop import SeedRun, is_probed, make_batch
from designer.train.names import design_nodes, stacks
from designer.train.nonfinite import first_nonfinite
from designer.train.options import TrainOptions
from designer.train.record import SeedRecord
from tests.train.smoke_runs import job_of, module, records_of


class Residual(nn.Module):
    """Two convolutions around one addition, a concatenation and an attention: everything a probe sees."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.branch = nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Conv2d(8, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        y = self.branch(h)
        z = torch.cat([y, 2 * h], dim=1)
        return self.last(z)


def probed(model: nn.Module, x: torch.Tensor, bins: torch.Tensor) -> SeedRecord:
    probe, parameters = Probe(model), list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    with probe.step(bins):
        model(x).square().flatten(1).mean(1).mean().backward()
    probe.before_update(parameters)
    optimizer.step()
    probe.after_update()
    probe.collect(0)
    record = SeedRecord(0, 1, 0.1)
    probe.fill(record)
    return record


def test_numbers_equal_a_straight_recomputation() -> None:
    torch.manual_seed(0)
    model, x = Residual(), torch.randn(16, 1, 8, 8)
    bins = torch.arange(16) % 8
    before = nn.utils.parameters_to_vector(model.branch.parameters()).detach().clone()
    h = model.first(x)
    y = model.branch(h)
    z = torch.cat([y, 2 * h], dim=1)
    per_sample = model.last(z).square().flatten(1).mean(1)
    gradient = torch.autograd.grad(per_sample.sum(), y)[0]

    record = probed(model, x, bins)
    i = [node.module for node in record.nodes].index("branch")
    for b in range(8):
        own = bins == b
        assert record.rms[0, i, b] == pytest.approx(y[own].square().mean().sqrt().item(), rel=1e-4)
        assert record.peak[0, i, b] == pytest.approx(y[own].abs().max().item(), rel=1e-4)
        norms = gradient[own].flatten(1).norm(dim=1)
        assert record.gradient[0, i, b] == pytest.approx(norms.square().mean().sqrt().item(), rel=1e-4)
    after = nn.utils.parameters_to_vector(model.branch.parameters()).detach()
    assert record.weighted[1].module == "branch"
    assert record.update_ratio[0, 1] == pytest.approx(
        ((after - before).norm() / after.norm()).item(), rel=1e-4
    )
    ratio = ((2 * h).square().flatten(1).mean(1) / y.square().flatten(1).mean(1)).sqrt()
    expected = [ratio[bins == b].mean().item() for b in range(8)]
    assert record.fusions[0].values[0] == pytest.approx(expected, rel=1e-4)
    assert len(record.contributions) == 1


def test_attention_logits_and_residuals_of_a_transformer() -> None:
    record = records_of("transformer", "PreNorm2", TrainOptions(steps=1, seeds=(0,)))[0]
    assert [series.place for series in record.residuals] == [
        "blocks.0#1",
        "blocks.0#2",
        "blocks.1#1",
        "blocks.1#2",
    ]
    model = module("transformer").PreNorm2
    torch.manual_seed(0)
    net = model()
    caught: list[torch.Tensor] = []
    net.blocks[0].attn.qkv.register_forward_hook(lambda m, a, output: caught.append(output))
    batch = make_batch(job_of("transformer", "PreNorm2", TrainOptions(steps=1)), 0, 0)
    net(*batch.arguments)
    q, k, _ = caught[0].view(16, 64, 3, 4, 12).permute(2, 0, 3, 1, 4)
    largest = (q @ k.transpose(-1, -2) / 12**0.5).abs().flatten(1).amax(1)
    expected = [largest[batch.bins == b].max().item() for b in range(8)]
    assert record.logits[0].place == "blocks.0.attn#1"
    assert record.logits[0].values[0] == pytest.approx(expected, rel=1e-4)


def test_probing_changes_nothing() -> None:
    curves = [
        SeedRun(job_of("unet", "UNet", TrainOptions(steps=12, seeds=(0,)), probing=on), 0, lambda e: None)
        .run()
        .loss
        for on in (True, False)
    ]
    assert curves[0] == curves[1]


def test_no_hook_remains_after_a_step() -> None:
    run = SeedRun(job_of("unet", "UNet", TrainOptions(steps=1)), 0, lambda event: None)
    run.run()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in run.model.modules())


def test_every_tenth_step_and_the_last_are_probed() -> None:
    assert [step for step in range(25) if is_probed(step, 25)] == [0, 10, 20, 24]
    assert sum(is_probed(step, 100_000) for step in range(100_000)) == 201
    assert sum(is_probed(step, 100_000) for step in range(100_000)) == 201


def test_names_lead_back_to_the_design() -> None:
    net = module("transformer").PreNorm2()
    nodes = design_nodes(net)
    assert nodes["blocks.1.attn"] == "Block/attn" and nodes["blocks.1"] == "PreNorm2/blocks"
    known = {("PreNorm2", "blocks", "PreNorm"), ("Block", "attn", "Block")}
    nodes = design_nodes(net, known)
    assert nodes["blocks.0.attn.qkv"] == "Block/attn" and nodes["blocks.0.mlp"] == "PreNorm/blocks"
    assert stacks(net) == [["blocks.0", "blocks.1"]]


def test_first_nonfinite_module_forward_and_backward() -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.clamp(min=0).sqrt()

    net = nn.Sequential(nn.Linear(2, 2), Root(), nn.Linear(2, 1))
    nn.init.constant_(net[0].weight, 0.0)
    nn.init.constant_(net[0].bias, 0.0)
    assert first_nonfinite(net, lambda: net(torch.ones(1, 2)).sum()) == ("backward", "0")
    nn.init.constant_(net[0].bias, float("nan"))
    assert first_nonfinite(net, lambda: net(torch.ones(1, 2)).sum()) == ("forward", "0")
    assert first_nonfinite(nn.Linear(1, 1), lambda: torch.ones(1, requires_grad=True).sum()) == ("", "")


def test_weights_stay_as_they_were_before_the_first_bad_step() -> None:
    run = SeedRun(
        job_of("transformer", "Explodes", TrainOptions(steps=30, seeds=(0,))), 0, lambda event: None
    )
    record = run.run()
    assert record.nonfinite is not None
    assert (record.nonfinite.step, record.nonfinite.where) == (3, "forward")
    assert (record.nonfinite.module, record.nonfinite.node) == ("blocks.1.mlp", "Block/mlp")
    assert all(p.isfinite().all() for p in run.parameters)
    assert np.isfinite(record.loss[:3]).all()


def test_same_seed_and_step_give_the_same_batch_to_any_design() -> None:
    options = TrainOptions(steps=1)
    a = make_batch(job_of("unet", "UNet", options), 4, 7)
    b = make_batch(job_of("transformer", "PreNorm2", options), 4, 7)
    assert torch.equal(a.target, b.target) and torch.equal(a.arguments[0], b.arguments[0])
    assert not torch.equal(a.target, make_batch(job_of("unet", "UNet", options), 4, 8).target)
