"""Parity of UNet2DModel: the committed configurations, and every argument in some other value."""

from typing import Any

import pytest
import torch

from designer.errors import UserError
from designer.importers import convert_config
from designer.reader import read_design
from designer.summary import summarize
from tests.parity.harness import TOLERANCE, compare, configurations

SMALL: dict[str, Any] = {
    "block_out_channels": [16, 32],
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "sample_size": 16,
}
NCSNPP: dict[str, Any] = {
    "block_out_channels": [32, 64, 64, 64],
    "layers_per_block": 1,
    "time_embedding_type": "fourier",
    "norm_eps": 1e-6,
    "mid_block_scale_factor": 2**0.5,
    "norm_num_groups": None,
    "attention_head_dim": None,
    "down_block_types": ["SkipDownBlock2D", "AttnSkipDownBlock2D", "SkipDownBlock2D", "SkipDownBlock2D"],
    "up_block_types": ["SkipUpBlock2D", "SkipUpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"],
}
VARIATIONS: dict[str, dict[str, Any]] = {
    "defaults of attention": {},
    "one head": {"attention_head_dim": None},
    "heads that do not divide": {"attention_head_dim": 5},
    "asymmetric padding": {"downsample_padding": 0},
    "resampling in residual blocks": {"downsample_type": "resnet", "upsample_type": "resnet"},
    "all resampling in residual blocks": {
        "down_block_types": ["ResnetDownsampleBlock2D", "ResnetDownsampleBlock2D"],
        "up_block_types": ["ResnetUpsampleBlock2D", "ResnetUpsampleBlock2D"],
    },
    "both ways of resampling": {
        "block_out_channels": [16, 16, 32],
        "down_block_types": ["DownBlock2D", "ResnetDownsampleBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["ResnetUpsampleBlock2D", "UpBlock2D", "AttnUpBlock2D"],
    },
    "attention everywhere": {
        "down_block_types": ["AttnDownBlock2D"] * 2, "up_block_types": ["AttnUpBlock2D"] * 2, "layers_per_block": 2,
    },
    "scale and shift, bare attention": {"resnet_time_scale_shift": "scale_shift"},
    "scale and shift, normalised attention": {"resnet_time_scale_shift": "scale_shift", "attn_norm_num_groups": 8},
    "groups of attention": {"attn_norm_num_groups": 2},
    "no attention in the middle": {"add_attention": False},
    "no middle": {"mid_block_type": None},
    "scaled middle": {"mid_block_scale_factor": 1.7},
    "gelu": {"act_fn": "gelu"}, "mish": {"act_fn": "mish"}, "relu": {"act_fn": "ReLU"}, "swish": {"act_fn": "swish"},
    "dropout": {"dropout": 0.3},
    "sines first": {"flip_sin_to_cos": False, "freq_shift": 1},
    "centred": {"center_input_sample": True},
    "wide time embedding": {"time_embedding_dim": 24},
    "fourier": {"time_embedding_type": "fourier"},
    "learned": {"time_embedding_type": "learned", "num_train_timesteps": 40},
    "classes": {"num_class_embeds": 12},
    "class vector": {"class_embed_type": "identity"},
    "class as timestep": {"class_embed_type": "timestep"},
    "class as noise level": {"class_embed_type": "timestep", "time_embedding_type": "fourier"},
    "class as learned timestep": {"class_embed_type": "timestep", "time_embedding_type": "learned", "num_train_timesteps": 40},
    "other channels": {"in_channels": 4, "out_channels": 2, "norm_eps": 1e-3},
    "one level": {
        "block_out_channels": [16], "down_block_types": ["AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D"],
    },
    "uneven channels": {"block_out_channels": [16, 24], "sample_size": [16, 8]},
    "ncsnpp": NCSNPP,
    "ncsnpp with other factors": {**NCSNPP, "mid_block_scale_factor": 1.0, "dropout": 0.1},
    "ncsnpp with groups": {**NCSNPP, "norm_num_groups": 8},
    "ncsnpp, all attending": {
        **NCSNPP, "down_block_types": ["AttnSkipDownBlock2D"] * 4, "up_block_types": ["AttnSkipUpBlock2D"] * 4,
        "attention_head_dim": 8,
    },
    "ncsnpp, positional, scale and shift": {
        **NCSNPP, "time_embedding_type": "positional", "resnet_time_scale_shift": "scale_shift",
    },
    "skip levels above plain ones": {
        **NCSNPP, "norm_num_groups": 8,
        "down_block_types": ["AttnSkipDownBlock2D", "SkipDownBlock2D", "ResnetDownsampleBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["AttnUpBlock2D", "UpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"],
    },
}  # fmt: skip


def inputs_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """Random inputs for a configuration."""
    height, width = (16, 16) if arguments["sample_size"] != [16, 8] else (16, 8)
    whole = arguments.get("time_embedding_type") != "fourier"
    times = torch.tensor([3, 21]) if whole else torch.tensor([0.3, 21.0])
    inputs: dict[str, Any] = {
        "sample": torch.randn(2, arguments.get("in_channels", 3), height, width), "timestep": times,
    }  # fmt: skip
    if arguments.get("class_embed_type") == "identity":
        inputs["class_labels"] = torch.randn(2, 4 * arguments["block_out_channels"][0])
    elif arguments.get("class_embed_type") == "timestep":
        inputs["class_labels"] = times.flip(0)
    elif arguments.get("num_class_embeds"):
        inputs["class_labels"] = torch.tensor([1, 11])
    return inputs


@pytest.mark.parametrize("listed", configurations("UNet2DModel"), ids=lambda one: one["id"])
def test_committed_configuration(listed: dict[str, Any]) -> None:
    parity = compare("UNet2DModel", listed["kwargs"], listed["inputs"])
    assert parity.error <= TOLERANCE
    assert parity.parameters == listed["param_count"]


@pytest.mark.parametrize("name", VARIATIONS)
def test_other_value(name: str) -> None:
    arguments = {**SMALL, **VARIATIONS[name]}
    torch.manual_seed(1)
    assert compare("UNet2DModel", arguments, inputs_of(arguments)).error <= TOLERANCE


PLAIN = ["DownBlock2D"] * 4
ADM: dict[str, Any] = {
    "out_channels": 6, "num_class_embeds": 1000, "attention_head_dim": 64, "resnet_time_scale_shift": "scale_shift",
    "attn_norm_num_groups": 32, "upsample_type": "resnet", "downsample_type": "resnet",
}  # fmt: skip
DDPM: dict[str, Any] = {
    "freq_shift": 1, "flip_sin_to_cos": False, "downsample_padding": 0, "attention_head_dim": None, "norm_eps": 1e-6,
}  # fmt: skip
PUBLISHED: dict[str, tuple[int, dict[str, Any]]] = {
    "google/ddpm-cifar10-32": (35_746_307, {
        **DDPM, "block_out_channels": [128, 256, 256, 256], "down_block_types": [PLAIN[0], "AttnDownBlock2D", *PLAIN[:2]],
        "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
    }),
    "google/ddpm-celebahq-256": (113_673_219, {
        **DDPM, "block_out_channels": [128, 128, 256, 256, 512, 512],
        "down_block_types": [*PLAIN, "AttnDownBlock2D", PLAIN[0]], "up_block_types": ["UpBlock2D", "AttnUpBlock2D", *["UpBlock2D"] * 4],
    }),
    "google/ncsnpp-celebahq-256": (65_574_549, {
        **NCSNPP, "block_out_channels": [128, 128, *[256] * 5], "layers_per_block": 2,
        "down_block_types": [*["SkipDownBlock2D"] * 4, "AttnSkipDownBlock2D", *["SkipDownBlock2D"] * 2],
        "up_block_types": [*["SkipUpBlock2D"] * 2, "AttnSkipUpBlock2D", *["SkipUpBlock2D"] * 4],
    }),
    "adm-imagenet64": (295_904_454, {
        **ADM, "layers_per_block": 3, "block_out_channels": [192, 384, 576, 768],
        "down_block_types": ["ResnetDownsampleBlock2D", *["AttnDownBlock2D"] * 3],
        "up_block_types": [*["AttnUpBlock2D"] * 3, "ResnetUpsampleBlock2D"],
    }),
    "adm-imagenet512, as diffusers builds it": (529_976_454, {
        **ADM, "block_out_channels": [128, 256, 256, 512, 512, 1024, 1024],
        "down_block_types": [*["ResnetDownsampleBlock2D"] * 4, *["AttnDownBlock2D"] * 3],
        "up_block_types": [*["AttnUpBlock2D"] * 3, *["ResnetUpsampleBlock2D"] * 4],
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_configurations_have_their_counts(name: str) -> None:
    count, arguments = PUBLISHED[name]
    document = convert_config({"_class_name": "UNet2DModel", **arguments}).document
    assert summarize(read_design(document)).parameters == count


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"]}, "down_block_types"),
        ({"up_block_types": ["KUpBlock2D", "UpBlock2D"]}, "up_block_types"),
        ({"down_block_types": ["DownBlock2D"]}, "down_block_types"),
        ({"downsample_padding": 2}, "downsample_padding"),
        ({"downsample_type": "pool"}, "downsample_type"),
        ({"resnet_time_scale_shift": "ada_group"}, "resnet_time_scale_shift"),
        ({"class_embed_type": "projection"}, "class_embed_type"),
        ({"act_fn": "tanh"}, "act_fn"),
        ({"time_embedding_type": "learned"}, "num_train_timesteps"),
        ({"norm_num_groups": None}, "norm_num_groups"),
        ({"mid_block_type": "UNetMidBlock2DCrossAttn"}, "mid_block_type"),
        ({"freq_shift": 2}, "freq_shift"),
        ({"attention_head_dim": 64}, "attention_head_dim"),
        ({"block_out_channels": "16"}, "block_out_channels"),
        ({**NCSNPP, "in_channels": 4}, "in_channels"),
        ({**NCSNPP, "up_block_types": ["SkipUpBlock2D"] * 3 + ["UpBlock2D"], "norm_num_groups": 8}, "up_block_types"),
        ({"num_attention_heads": 4}, "num_attention_heads"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_by_name(change: dict[str, Any], name: str) -> None:
    with pytest.raises(UserError, match=f"'{name}'"):
        convert_config({"_class_name": "UNet2DModel", **SMALL, **change})
