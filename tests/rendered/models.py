"""Rendered models of presets with inputs, at small sizes inside their certificate."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from designer.check import check
from designer.document import Design
from designer.export.exporter import example_inputs
from designer.export.sizes import trace_point
from designer.presets import build, presets
from designer.render import Rendering, load_model, render

TINY = [preset.id for preset in presets() if "tiny" in preset.id]


@cache
def rendering_of(preset: str) -> Rendering:
    """The rendering of a preset."""
    return render(build(preset))


def model_of(preset: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Return the model of a preset, every weight drawn (so that no gate is closed), and random inputs."""
    torch.manual_seed(0)
    model = load_model(rendering_of(preset))().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape))
    return model, inputs_of(build(preset), rendering_of(preset))


def inputs_of(design: Design, rendering: Rendering) -> tuple[Tensor, ...]:
    """Return inputs of a design in the order of forward."""
    certificate = check(design).certificate
    assert certificate is not None
    axes = {
        one.name: {"modulus": one.modulus, "residues": one.residues, "low": one.low, "high": one.high}
        for one in certificate.axes
    }
    spec = {**rendering.to_json(), "training": dict(design.training)}
    return tuple(example_inputs(spec, trace_point(axes, None), seed=1).values())


def tensors(output: Any) -> list[Tensor]:
    """Return the tensors of a model's output, lists within it included."""
    return [output] if isinstance(output, Tensor) else [one for part in output for one in tensors(part)]
