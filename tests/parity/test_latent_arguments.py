"""Arguments of conditional U-Nets, ControlNet and T2I-Adapter that the listed configurations leave out."""

from typing import Any

import pytest
import torch

from designer.errors import UserError
from designer.importers import convert_config
from tests.parity.harness import TOLERANCE, compare

SMALL: dict[str, Any] = {
    "block_out_channels": [8, 16],
    "norm_num_groups": 4,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "cross_attention_dim": 8,
    "attention_head_dim": 2,
    "layers_per_block": 1,
}
SIMPLE: dict[str, Any] = {
    "down_block_types": ["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
    "up_block_types": ["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "attention_head_dim": 4,
}
TEXT, IMAGE, TIME = "text_embeds", "image_embeds", "time_ids"

UNETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "kernels and centring": ({"conv_in_kernel": 5, "conv_out_kernel": 1, "center_input_sample": True}, {}),
    "asymmetric downsampling": ({"downsample_padding": 0, "flip_sin_to_cos": False, "freq_shift": 1}, {}),
    "levels that differ": ({"layers_per_block": [1, 2], "transformer_layers_per_block": [2, 1]}, {}),
    "legacy names, mish": (
        {
            "down_block_types": ["UNetResDownBlock2D", "CrossAttnDownBlock2D"],
            "act_fn": "mish",
            "norm_eps": 1e-6,
        },
        {},
    ),
    "no middle": ({"mid_block_type": None}, {}),
    "plain middle, rescaled": ({"mid_block_type": "UNetMidBlock2D", "mid_block_scale_factor": 2.0}, {}),
    "cross-attention only": ({"only_cross_attention": True}, {}),
    "cross-attention only at a level": ({"only_cross_attention": [True, False]}, {}),
    "heads that do not divide": ({"attention_head_dim": 3}, {}),
    "scale and shift, relu": (
        {"resnet_time_scale_shift": "scale_shift", "act_fn": "relu", "dropout": 0.1},
        {},
    ),
    "fourier time": ({"time_embedding_type": "fourier", "timestep_post_act": "silu"}, {}),
    "wider time": ({"time_embedding_dim": 24, "time_embedding_act_fn": "silu"}, {}),
    "guidance": ({"time_cond_proj_dim": 6}, {"timestep_cond": torch.randn(2, 6)}),
    "class table": ({"num_class_embeds": 5}, {"class_labels": torch.tensor([1, 4])}),
    "class timestep": (
        {"class_embed_type": "timestep", "act_fn": "gelu"},
        {"class_labels": torch.tensor([1, 4])},
    ),
    "class vector": ({"class_embed_type": "identity"}, {"class_labels": torch.randn(2, 32)}),
    "class projection, beside": (
        {
            "class_embed_type": "projection",
            "projection_class_embeddings_input_dim": 6,
            "class_embeddings_concat": True,
        },
        {"class_labels": torch.randn(2, 6)},
    ),
    "projected text": ({"encoder_hid_dim": 12}, {"encoder_hidden_states": torch.randn(2, 5, 12)}),
    "image as context": (
        {"encoder_hid_dim": 12, "encoder_hid_dim_type": "image_proj", "addition_embed_type": "image"},
        {"encoder_hidden_states": None, "added_cond_kwargs": {IMAGE: torch.randn(2, 12)}},
    ),
    "image as context, hint beside the sample": (
        {
            "in_channels": 8,
            "encoder_hid_dim": 12,
            "encoder_hid_dim_type": "image_proj",
            "addition_embed_type": "image_hint",
        },
        {
            "encoder_hidden_states": None,
            "added_cond_kwargs": {IMAGE: torch.randn(2, 12), "hint": torch.randn(2, 3, 64, 64)},
        },
    ),
    "image and text as context": (
        {
            "encoder_hid_dim": 12,
            "encoder_hid_dim_type": "text_image_proj",
            "addition_embed_type": "text_image",
        },
        {
            "encoder_hidden_states": torch.randn(2, 5, 12),
            "added_cond_kwargs": {TEXT: torch.randn(2, 8), IMAGE: torch.randn(2, 8)},
        },
    ),
    "simple attention": (SIMPLE, {}),
    "simple attention, layer norm": (
        {
            **SIMPLE,
            "cross_attention_dim": 16,
            "cross_attention_norm": "layer_norm",
            "resnet_skip_time_act": True,
        },
        {"encoder_hidden_states": torch.randn(2, 5, 16)},
    ),
    "simple attention, cross only, rescaled": (
        {**SIMPLE, "only_cross_attention": True, "resnet_out_scale_factor": 1.5},
        {},
    ),
    "head sizes of each level, two factors": (
        {
            **SIMPLE,
            "down_block_types": ["ResnetDownsampleBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "SimpleCrossAttnUpBlock2D"],
            "mid_block_type": "UNetMidBlock2DCrossAttn",
            "attention_head_dim": [2, 4],
            "resnet_out_scale_factor": 1.5,
            "mid_block_scale_factor": 2.0,
            "resnet_skip_time_act": True,
        },
        {},
    ),
    "mixed kinds": (
        {"down_block_types": ["SimpleCrossAttnDownBlock2D", "CrossAttnDownBlock2D"], "attention_head_dim": 4},
        {},
    ),
    "five numbers": (
        {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 4,
            "projection_class_embeddings_input_dim": 28,
            "use_linear_projection": True,
            "upcast_attention": True,
        },
        {"added_cond_kwargs": {TEXT: torch.randn(2, 8), TIME: torch.rand(2, 5)}},
    ),
}


@pytest.mark.parametrize("name", UNETS)
def test_unet_equals_diffusers(name: str) -> None:
    arguments, given = UNETS[name]
    inputs = {
        "sample": torch.randn(2, 4, 8, 8),
        "timestep": torch.tensor([7, 900]),
        "encoder_hidden_states": torch.randn(2, 5, 8),
        **given,
    }
    assert compare("UNet2DConditionModel", {**SMALL, **arguments}, inputs).error < TOLERANCE


CONTROLNETS: dict[str, dict[str, Any]] = {
    "hint of four, reversed": {
        "conditioning_channels": 4,
        "controlnet_conditioning_channel_order": "bgr",
        "conditioning_embedding_out_channels": [4, 8],
    },
    "pooled, plain middle": {
        "global_pool_conditions": True,
        "mid_block_type": "UNetMidBlock2D",
        "act_fn": "gelu",
    },
    "heads by their own name": {"num_attention_heads": [2, 4], "transformer_layers_per_block": [1, 2]},
    "class and text": {
        "num_class_embeds": 3,
        "addition_embed_type": "text",
        "addition_embed_type_num_heads": 2,
    },
}


@pytest.mark.parametrize("name", CONTROLNETS)
def test_controlnet_equals_diffusers(name: str) -> None:
    arguments = {key: value for key, value in SMALL.items() if key != "up_block_types"}
    arguments |= {"conditioning_embedding_out_channels": [4, 4, 8], **CONTROLNETS[name]}
    if "num_attention_heads" in arguments:
        del arguments["attention_head_dim"]
    factor = 2 ** (len(arguments["conditioning_embedding_out_channels"]) - 1)
    inputs = {
        "sample": torch.randn(2, 4, 8, 8),
        "timestep": torch.tensor([7, 900]),
        "encoder_hidden_states": torch.randn(2, 5, 8),
        "controlnet_cond": torch.randn(2, arguments.get("conditioning_channels", 3), 8 * factor, 8 * factor),
        **({"class_labels": torch.tensor([0, 2])} if "num_class_embeds" in arguments else {}),
    }
    assert compare("ControlNetModel", arguments, inputs).error < TOLERANCE


@pytest.mark.parametrize(
    "arguments",
    [
        {"adapter_type": "full_adapter", "channels": [8, 8, 16], "num_res_blocks": 1, "downscale_factor": 4},
        {"adapter_type": "light_adapter", "channels": [8], "num_res_blocks": 1, "downscale_factor": 1},
        {
            "adapter_type": "full_adapter_xl",
            "channels": [8, 16, 24, 24],
            "num_res_blocks": 1,
            "downscale_factor": 2,
        },
    ],
    ids=lambda one: str(one["adapter_type"]),
)
def test_adapter_equals_diffusers(arguments: dict[str, Any]) -> None:
    factor = arguments["downscale_factor"]
    arguments = {"in_channels": 1, **arguments}
    assert (
        compare("T2IAdapter", arguments, {"x": torch.randn(2, 1, 6 * factor, 10 * factor)}).error < TOLERANCE
    )


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "num_attention_heads": ("UNet2DConditionModel", {"num_attention_heads": 4}),
    "dual_cross_attention": ("UNet2DConditionModel", {"dual_cross_attention": True}),
    "attention_type": ("UNet2DConditionModel", {"attention_type": "gated"}),
    "down_block_types": ("UNet2DConditionModel", {"down_block_types": ["KDownBlock2D", "DownBlock2D"]}),
    "addition_embed_type": ("UNet2DConditionModel", {"addition_embed_type": "image_text"}),
    "norm_num_groups": ("UNet2DConditionModel", {"norm_num_groups": None}),
    "cross_attention_dim": ("UNet2DConditionModel", {"cross_attention_dim": [8, 16]}),
    "downsample_padding": ("UNet2DConditionModel", {"downsample_padding": 2}),
    "time_embedding_kind": ("UNet2DConditionModel", {"time_embedding_kind": "fourier"}),
    "cross_attention_norm": ("UNet2DConditionModel", {**SIMPLE, "cross_attention_norm": "layer_norm"}),
    "class_embed_type": (
        "UNet2DConditionModel",
        {"class_embed_type": "timestep", "time_embedding_type": "fourier"},
    ),
    "encoder_hid_dim": ("ControlNetModel", {"encoder_hid_dim": 12}),
    "mid_block_type": ("ControlNetModel", {"mid_block_type": None}),
    "layers_per_block": ("ControlNetModel", {"layers_per_block": [1, 2]}),
    "channels": ("T2IAdapter", {"adapter_type": "full_adapter_xl", "channels": [8, 8, 8, 16]}),
    "adapter_type": ("T2IAdapter", {"adapter_type": "multi_adapter"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name: str) -> None:
    source, given = REFUSED[name]
    base = {} if source == "T2IAdapter" else SMALL
    if source == "ControlNetModel":
        base = {key: value for key, value in SMALL.items() if key != "up_block_types"}
    with pytest.raises(UserError, match=f"the argument '{name}' is"):
        convert_config({"_class_name": source, **base, **given})
