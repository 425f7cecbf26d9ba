"""Presets of latent U-Nets are what their published configurations import; attached networks act as diffusers'."""

import json
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor, nn

from designer.importers import Rule, convert_config
from designer.importers.latent_rules import weight_rules
from designer.importers.weights import convert
from designer.presets import build, presets
from designer.presets.attached import TINY
from designer.reader import read_design
from designer.render import load_model, render
from designer.summary import summarize
from tests.parity.harness import TOLERANCE, difference, leaves, randomize

SD: dict[str, Any] = {"cross_attention_dim": 768, "attention_head_dim": 8}
XL: dict[str, Any] = {
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
UNET, CONTROL = "UNet2DConditionModel", "ControlNetModel"
PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "sd15": (UNET, SD),
    "sd21": (
        UNET,
        {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "upcast_attention": True},
    ),
    "sdxl-base": (UNET, {**XL, "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]}),
    "sdxl-refiner": (
        UNET,
        {
            **XL,
            "block_out_channels": [384, 768, 1536, 1536],
            "down_block_types": [
                "DownBlock2D",
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "DownBlock2D",
            ],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "cross_attention_dim": 1280,
            "transformer_layers_per_block": 4,
            "attention_head_dim": [6, 12, 24, 24],
            "projection_class_embeddings_input_dim": 2560,
        },
    ),
    "controlnet-sd15": (CONTROL, SD),
    "controlnet-sdxl": (CONTROL, XL),
    "t2i-adapter-full": ("T2IAdapter", {}),
    "t2i-adapter-light": (
        "T2IAdapter",
        {"channels": [320, 640, 1280], "num_res_blocks": 4, "adapter_type": "light_adapter"},
    ),
    "t2i-adapter-xl": ("T2IAdapter", {"downscale_factor": 16, "adapter_type": "full_adapter_xl"}),
}
FAMILIES = {"stable-diffusion", "stable-diffusion-attached", "sdxl", "controlnet", "t2i-adapter", "sc-tuner"}


@pytest.mark.parametrize(
    "preset", [one for one in presets() if one.family in FAMILIES], ids=lambda one: one.id
)
def test_count_is_published(preset: Any) -> None:
    assert preset.published in (None, summarize(preset.design).parameters)


@pytest.mark.parametrize("preset", PUBLISHED)
def test_preset_is_the_import_of_its_configuration(preset: str) -> None:
    """Apart from the names of inputs, which change nothing inside: the parities of the import are the preset's."""
    source, arguments = PUBLISHED[preset]
    imported = read_design(convert_config({"_class_name": source, **arguments}).document)
    design = build(preset)
    assert dict(imported.parameters) == dict(design.parameters)
    assert set(imported.definitions) == set(design.definitions)
    for name, definition in design.definitions.items():
        other = imported.definitions[name]
        assert json.dumps([str(one) for one in other.nodes.values()]) == json.dumps(
            [str(one) for one in definition.nodes.values()]
        )
        if name != design.main:
            assert other == definition


@pytest.mark.parametrize("fuse", ["ConcatChannels", "AttentionFusion"])
def test_fusion_of_skips_is_a_choice(fuse: str) -> None:
    design = build("sd-controlnet-tiny", {"fuse": fuse})
    model = load_model(render(design))().eval()
    assert sum(one.numel() for one in model.parameters()) == summarize(design).parameters
    with torch.no_grad():
        found = model(*_basics(), torch.randn(2, 1, 32, 32))
    assert found.shape == (2, 1, 16, 16)


def _reference() -> nn.Module:
    torch.manual_seed(0)
    kinds = {
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    }
    unet = diffusers.UNet2DConditionModel(
        in_channels=1,
        out_channels=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        cross_attention_dim=32,
        attention_head_dim=2,
        **kinds,
    )
    return randomize(unet.eval())


def _load(preset: str, reference: nn.Module, rules: tuple[Rule, ...]) -> tuple[nn.Module, list[str]]:
    rendering = render(build(preset))
    model: nn.Module = load_model(rendering)().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    model.load_state_dict(convert(rules, reference.state_dict(), shapes), strict=True)
    return model, [one.name for one in rendering.inputs]


def _inside(rules: tuple[Rule, ...], prefix: str) -> tuple[Rule, ...]:
    """The rules for a network that is a part of the model."""
    moved = [Rule(one.pattern, one.target and prefix + one.target, one.part, one.order) for one in rules]
    return (*moved, Rule(r"(.*)", rf"{prefix}\1"))


def _basics() -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(2, 1, 16, 16), torch.tensor([3, 700]), torch.randn(2, 5, 32)


def test_control_residuals_act_as_in_diffusers() -> None:
    reference = _reference()
    model, names = _load("sd-control-inputs-tiny", reference, _inside(weight_rules(TINY), "unet."))
    sizes = [(32, 16), (32, 16), (32, 16), (32, 8), (64, 8), (64, 8)]
    residuals = [torch.randn(2, channels, side, side) for channels, side in sizes]
    middle = torch.randn(2, 64, 8, 8)
    assert names == ["x", "t", "context", *(f"control_{index}" for index in range(6)), "control_mid"]
    with torch.no_grad():
        x, t, context = _basics()
        wanted = reference(
            x,
            t,
            context,
            down_block_additional_residuals=residuals,
            mid_block_additional_residual=middle,
            return_dict=False,
        )
        found = [model(x, t, context, *residuals, middle)]
    assert difference(found, list(leaves(wanted))) < TOLERANCE


def test_adapter_maps_act_as_in_diffusers() -> None:
    reference = _reference()
    rules = [
        Rule(one.pattern, one.target.replace(".blocks.1.", ".last.") if one.target.startswith("down") else one.target, one.part)
        for one in weight_rules(TINY)
    ]  # fmt: skip
    model, names = _load("sd-adapter-inputs-tiny", reference, tuple(rules))
    maps = [torch.randn(2, 32, 16, 16), torch.randn(2, 64, 8, 8)]
    assert names == ["x", "t", "context", "adapter_0", "adapter_1"]
    with torch.no_grad():
        x, t, context = _basics()
        kept = [one.clone() for one in maps]
        wanted = reference(x, t, context, down_intrablock_additional_residuals=kept, return_dict=False)
        found = [model(x, t, context, *maps)]
    assert difference(found, list(leaves(wanted))) < TOLERANCE


@pytest.mark.parametrize("attached", ["sc-tuner-tiny", "csc-tuner-tiny", "sd-controlnet-tiny"])
def test_attached_network_changes_nothing_at_the_start(attached: str) -> None:
    torch.manual_seed(0)
    model = load_model(render(build(attached)))().eval()
    for name, parameter in model.named_parameters():  # a pretrained backbone does not end in zeros
        if not any(part in name for part in ("tuner.", "hints.", "control.")):
            nn.init.normal_(parameter, std=0.2)
    x, t, context = torch.randn(1, 1, 16, 16), torch.tensor([5]), torch.randn(1, 3, 32)
    hints = [] if attached == "sc-tuner-tiny" else [torch.randn(1, 1, 32, 32)]
    with torch.no_grad():
        before = model(x, t, context, *hints)
        changed = 0
        for name, parameter in model.named_parameters():
            if (
                any(part in name for part in ("tuner.fc1", "hints.encoder", "control."))
                and parameter.abs().max() > 0
            ):
                nn.init.normal_(parameter)
                changed += 1
        after = model(x, t, context, *hints)
    assert changed and torch.equal(before, after)
