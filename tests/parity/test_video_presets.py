"""Video presets are what their published configurations import as; tiny ones compute what diffusers computes."""

import inspect
from collections.abc import Mapping
from typing import Any

import diffusers
import pytest
import torch

from designer.importers import convert_config
from designer.importers.weights import convert
from designer.presets import build
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize

LATTE: dict[str, Any] = {
    "num_attention_heads": 16, "attention_head_dim": 72, "in_channels": 4, "out_channels": 8, "num_layers": 28,
    "cross_attention_dim": 1152, "attention_bias": True, "sample_size": 64, "patch_size": 2,
    "activation_fn": "gelu-approximate", "num_embeds_ada_norm": 1000, "norm_type": "ada_norm_single",
    "norm_elementwise_affine": False, "norm_eps": 1e-6, "caption_channels": 4096, "video_length": 16,
}  # fmt: skip
WAN: dict[str, Any] = {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30}
SVD: dict[str, Any] = {"num_attention_heads": (5, 10, 20, 20)}
UNET = "UNetSpatioTemporalConditionModel"
COGVIDEOX = "CogVideoXTransformer3DModel"
PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "latte-1": ("LatteTransformer3DModel", LATTE),
    "wan2.1-t2v-1.3b": ("WanTransformer3DModel", WAN),
    "wan2.1-t2v-14b": ("WanTransformer3DModel", {}),
    "cogvideox-2b": (COGVIDEOX, {}),
    "cogvideox-5b": (COGVIDEOX, {"num_attention_heads": 48, "num_layers": 42, "use_rotary_positional_embeddings": True}),
    "svd": (UNET, SVD),
}  # fmt: skip
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "latte-tiny": (
        "LatteTransformer3DModel",
        {**LATTE, "num_attention_heads": 4, "attention_head_dim": 12, "in_channels": 1, "out_channels": 1, "num_layers": 2,
         "cross_attention_dim": 48, "sample_size": 16, "caption_channels": 32, "video_length": 8},
    ),
    "wan-tiny": (
        "WanTransformer3DModel",
        {"num_attention_heads": 4, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "ffn_dim": 128,
         "num_layers": 3, "text_dim": 32, "rope_max_seq_len": 64},
    ),
    "cogvideox-tiny": (
        COGVIDEOX,
        {"num_attention_heads": 3, "attention_head_dim": 16, "in_channels": 2, "out_channels": 2, "num_layers": 2,
         "time_embed_dim": 32, "text_embed_dim": 32, "max_text_seq_length": 5},
    ),
    "svd-tiny": (
        UNET,
        {"block_out_channels": (32, 64), "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
         "up_block_types": ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), "in_channels": 2,
         "out_channels": 1, "addition_time_embed_dim": 16, "projection_class_embeddings_input_dim": 48,
         "layers_per_block": 1, "cross_attention_dim": 16, "num_attention_heads": (2, 4)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("preset", [*PUBLISHED, *TINY])
def test_presets_are_their_configurations(preset: str) -> None:
    source, arguments = (PUBLISHED | TINY)[preset]
    imported = read_design(convert_config({"_class_name": source, **arguments}).document)
    design = build(preset)
    free = {"rotation": None, "num_groups": None}  # the caller's choice; fixed in the class
    assert {**imported.parameters, **free} == {**design.parameters, **free}
    for name, definition in design.definitions.items():
        other = imported.definitions[name]
        assert other.nodes == definition.nodes and other.parameters == definition.parameters
        if name != design.main:
            assert other == definition


@pytest.mark.parametrize("preset", TINY)
def test_tiny_presets_compute_the_same(preset: str) -> None:
    source, arguments = TINY[preset]
    torch.manual_seed(0)
    design = build(preset)
    reference = randomize(getattr(diffusers, source)(**arguments).eval())
    for module in reference.modules():
        if isinstance(module, torch.nn.GroupNorm):  # the class has no argument for it
            module.num_groups = design.parameters["num_groups"]
    model = load_model(render(design))().eval()
    rules = convert_config({"_class_name": source, **arguments}).rules
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    model.load_state_dict(convert(rules, reference.state_dict(), shapes), strict=True)
    inputs = _inputs(source, arguments)
    names = [name for name in inspect.signature(reference.forward).parameters if name in inputs]
    with torch.no_grad():
        wanted = reference(**inputs, return_dict=False)[0]
        assert difference([model(*(inputs[name] for name in names))], [wanted]) < TOLERANCE


def _inputs(source: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    channels, frames = arguments["in_channels"], arguments.get("video_length", 4)
    if source == UNET:
        return {
            "sample": torch.randn(2, frames, channels, 8, 8),
            "timestep": torch.tensor([0.3, -1.2]),
            "encoder_hidden_states": torch.randn(2, 1, 16),
            "added_time_ids": torch.tensor([[6.0, 127.0, 0.02]] * 2),
        }
    shape = [2, frames, channels] if source == COGVIDEOX else [2, channels, frames]
    return {
        "hidden_states": torch.randn(*shape, 16, 16),
        "timestep": torch.tensor([10, 900]),
        "encoder_hidden_states": torch.randn(2, 5, 32),
    }
