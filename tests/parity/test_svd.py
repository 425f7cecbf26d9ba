"""Stable Video Diffusion: the import computes what diffusers computes, with the same weights."""

from typing import Any

import pytest
import torch

from tests.parity.harness import TOLERANCE, compare, configurations

CLASS = "UNetSpatioTemporalConditionModel"
TINY: dict[str, Any] = {
    "block_out_channels": (32, 64), "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
    "up_block_types": ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), "in_channels": 4, "out_channels": 4,
    "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 16, "layers_per_block": 1,
    "cross_attention_dim": 12, "num_attention_heads": 4,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "deeper transformers": {"transformer_layers_per_block": (2, 1), "num_attention_heads": (2, 8)},
    "blocks differ between levels": {"layers_per_block": (1, 2), "out_channels": 2},
    "transformers at the coarse level only": {
        "down_block_types": ("DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"),
        "up_block_types": ("CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal"),
        "cross_attention_dim": [12, 12],
    },
}


@pytest.mark.parametrize("one", configurations(CLASS), ids=lambda one: one["id"])
def test_configurations(one: dict[str, Any]) -> None:
    parity = compare(CLASS, one["kwargs"], one["inputs"])
    assert parity.error < TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_arguments(name: str) -> None:
    inputs = {
        "sample": torch.randn(2, 3, 4, 8, 12),
        "timestep": torch.tensor([0.3, -1.2]),
        "encoder_hidden_states": torch.randn(2, 2, 12),
        "added_time_ids": torch.tensor([[6.0, 127.0], [7.0, 0.02]]),
    }
    assert compare(CLASS, {**TINY, **VARIANTS[name]}, inputs).error < TOLERANCE
