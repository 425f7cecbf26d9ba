"""U-Nets on pixels: published counts, and tiny sizes against straight-line code written from the papers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from designer.check import check
from designer.presets import adm as adm_presets
from designer.presets import ddpm as ddpm_presets
from designer.presets import edm as edm_presets
from designer.presets import edm2 as edm2_presets
from designer.presets import ncsnpp as ncsnpp_presets
from designer.presets.graph import Json
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize
from tests.parity.straight_line import ADM, EDM, EDM2, Weights, adm, edm, edm2

MODULES = (ddpm_presets, adm_presets, ncsnpp_presets, edm_presets, edm2_presets)
PRESETS = [preset for module in MODULES for preset in module.PRESETS]
TINY = [preset for preset in PRESETS if preset.published is None]
Reference = Callable[[Weights, dict[str, Any]], Any]


@pytest.mark.parametrize("preset", [one for one in PRESETS if one.published], ids=lambda one: one.id)
def test_counts_are_the_published_ones(preset: Any) -> None:
    assert preset.parameters == preset.published
    assert check(preset.design).ok


@pytest.mark.parametrize("preset", TINY, ids=lambda one: one.id)
def test_tiny_sizes_train_a_step(preset: Any) -> None:
    report = check(preset.design)
    assert report.ok, [one.message for one in report.diagnostics]
    model = randomize(load_model(render(preset.design))()).train()
    assert sum(one.numel() for one in model.parameters()) == preset.parameters
    outputs = model(*inputs_of(preset.design).values())
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    sum((one * torch.randn(one.shape)).sum() for one in outputs).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adm-tiny", "ncsnpp-tiny", "edm2-tiny"])
def test_tiny_sizes_export(name: str, tmp_path: Path) -> None:
    import onnxruntime

    preset = next(one for one in TINY if one.id == name)
    torch.manual_seed(0)
    model = randomize(load_model(render(preset.design))()).eval()
    inputs = inputs_of(preset.design)
    torch.onnx.export(
        model, tuple(inputs.values()), tmp_path / "model.onnx", dynamo=True, input_names=list(inputs)
    )
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    with torch.no_grad():
        wanted = model(*inputs.values())
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    assert difference([torch.from_numpy(one) for one in found], list(wanted)) <= 1e-4


def inputs_of(design: Any) -> dict[str, Any]:
    """Random inputs at the design's own sample shape, for a batch of two."""
    torch.manual_seed(0)
    channels, height, width = design.training["sample_shape"]
    found: dict[str, Any] = {}
    for one in design.main_definition.inputs:
        if one.role in ("image", "latent"):
            found[one.name] = torch.randn(2, channels, height, width)
        elif one.role == "class":
            found[one.name] = torch.tensor([1, 7])
        elif one.role == "vector":
            found[one.name] = torch.randn(2, int(one.shape.split()[1]))
        else:
            found[one.name] = torch.tensor([0.3, 5.0]) if one.role == "sigma" else torch.tensor([3.0, 700.0])
    return found


def adm_reference(size: adm_presets.Size) -> Reference:
    """Return straight-line ADM code for a size."""
    net = ADM(
        size.image, size.channels, size.multipliers, size.blocks, size.attention, size.num_groups, size.num_classes,
        size.heads, size.head_dim, size.legacy, size.updown,
    )  # fmt: skip
    return lambda w, given: adm(net, w, given["x"], given["t"], given.get("y"), 2 * size.in_channels)


def edm_reference(size: edm_presets.Size) -> Reference:
    """Return straight-line EDM code for a size."""
    net = EDM(size.filtered, size.channels, size.multipliers, size.blocks, size.attention, size.num_classes)
    return lambda w, given: edm(net, w, given["x"], given["sigma"], given.get("y"), given.get("augment"))


def edm2_reference(size: edm2_presets.Size) -> Reference:
    """Return straight-line EDM2 code for a size."""
    net = EDM2(size.channels, size.multipliers, size.blocks, size.attention, size.head_dim, size.num_classes)
    return lambda w, given: edm2(net, w, given["x"], given["sigma"], given["y"])


_ADM: dict[str, Any] = {"image": 16, "channels": 32, "blocks": 1, "num_groups": 8, "in_channels": 1}
CASES: dict[str, tuple[Callable[[Any], Json], Callable[[Any], Reference], Any]] = {
    "improved ddpm": (adm_presets.adm, adm_reference, adm_presets.Size(**_ADM, multipliers=(1, 2, 3), attention=(8, 4), heads=4, updown=False, num_classes=0)),
    "improved ddpm, classes": (adm_presets.adm, adm_reference, adm_presets.Size(**_ADM, multipliers=(1, 2), attention=(8,), heads=4, updown=False, num_classes=10)),
    "adm, legacy order": (adm_presets.adm, adm_reference, adm_presets.Size(**_ADM, multipliers=(1, 2), attention=(16, 8), head_dim=16, num_classes=10)),
    "adm, new order": (adm_presets.adm, adm_reference, adm_presets.Size(**_ADM, multipliers=(1, 2), attention=(8,), head_dim=16, num_classes=10, legacy=False)),
    "adm 512: half the channels first": (adm_presets.adm, adm_reference, adm_presets.Size(**_ADM, multipliers=(0.5, 1, 2), attention=(4,), head_dim=16, num_classes=10)),
    "edm ddpm++": (edm_presets.edm, edm_reference, edm_presets.Size(False, 32, (2, 2, 2), 2, image=16)),
    "edm ddpm++, classes": (edm_presets.edm, edm_reference, edm_presets.Size(False, 32, (1, 2), 1, image=16, num_classes=10)),
    "edm ncsn++": (edm_presets.edm, edm_reference, edm_presets.Size(True, 32, (2, 2, 2), 2, image=16)),
    "edm ncsn++, classes": (edm_presets.edm, edm_reference, edm_presets.Size(True, 32, (1, 2), 1, image=16, num_classes=10)),
    "edm2": (edm2_presets.edm2, edm2_reference, edm2_presets.Size(32, 0.1, (1, 2, 3), 2, (1, 2), 16, 4, 16, 10)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_straight_line_code(name: str) -> None:
    document, reference, size = CASES[name]
    design = read_design(document(size))
    torch.manual_seed(0)
    model = randomize(load_model(render(design))()).eval()
    inputs = inputs_of(design)
    weights = Weights(model.state_dict())
    with torch.no_grad():
        found, wanted = model(*inputs.values()), reference(size)(weights, inputs)
    as_list = [list(one) if isinstance(one, tuple) else [one] for one in (found, wanted)]
    assert difference(*as_list) <= TOLERANCE
    assert weights.read == set(model.state_dict()), "every weight takes part"
