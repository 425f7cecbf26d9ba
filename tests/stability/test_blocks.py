"""What layers, norms and gates state of their gains is what they do, alone, forward and back."""

import math

import pytest
import torch

from designer.catalogue import catalogue
from designer.check import check
from designer.render import load_model, render
from designer.spec import BlockSpec
from designer.stability import predict
from tests.contract.harness import design_of, tensors

KINDS = {"linear", "conv", "norm", "residual_gate", "reshape"}
SEEDS = 16
# Small sizes are far from the mean: norms over three numbers, a bias beside few inputs. These say nothing of gains:
LEFT_OUT = {
    "Pad",  # zeros around a map of four pixels
    "AllVideo",  # writes zeros whatever comes in
    "MatMul", "MixtureOfExperts", "ChannelShuffleFusion",  # of two streams or of chosen parts
    "PixelNorm",  # over three channels
}  # fmt: skip
STATED = [
    spec
    for spec in catalogue().values()
    if KINDS & set(spec.tags) and len(spec.inputs) == 1 and spec.examples and spec.name not in LEFT_OUT
]


@pytest.mark.parametrize("spec", STATED, ids=lambda spec: spec.name)
def test_a_block_scales_values_and_gradients_as_it_states(spec: BlockSpec) -> None:
    example = spec.examples[0]
    design = design_of(spec, example, dict(example.inputs))
    frame = check(design).frame
    assert frame is not None
    prediction = predict(frame)
    model_class = load_model(render(design))
    values = gradients = 0.0
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        x = tensors(spec, example)[0]
        x = torch.randn_like(x).requires_grad_() if x.is_floating_point() else x
        made = model_class().eval()(x)
        outputs = [one.float() for one in (made if isinstance(made, (tuple, list)) else (made,))]
        values += outputs[0].detach().square().mean().item() / SEEDS
        if x.requires_grad and any(one.requires_grad for one in outputs):
            sum((one * torch.randn_like(one)).sum() for one in outputs).backward()
            gradients += 0.0 if x.grad is None else x.grad.square().mean().item() / SEEDS
    first = next(iter(prediction.outputs.values()))
    assert math.isclose(first, math.sqrt(values), rel_tol=0.35, abs_tol=1e-6)
    if not prediction.moved and gradients:
        (given,) = next(iter(prediction.tape.inputs.values()))
        back = math.sqrt(prediction.gradient_states[given].q)
        assert math.isclose(back, math.sqrt(gradients), rel_tol=0.35, abs_tol=1e-6)
