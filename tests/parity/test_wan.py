"""Wan: the import computes what diffusers computes, with the same weights."""

from typing import Any

import pytest
import torch

from tests.parity.harness import TOLERANCE, compare, configurations

CLASS = "WanTransformer3DModel"
TINY: dict[str, Any] = {
    "patch_size": (1, 2, 2), "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4,
    "text_dim": 8, "freq_dim": 16, "ffn_dim": 32, "num_layers": 2, "rope_max_seq_len": 32,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "patches over frames": {"patch_size": [2, 2, 1], "out_channels": None},
    "no norm before cross-attention": {"cross_attn_norm": False, "qk_norm": None},
    "other eps, odd thirds": {"eps": 1e-3, "attention_head_dim": 16, "out_channels": 6},
    "image tokens join the text": {"image_dim": 6},
    "image tokens of their own": {"image_dim": 6, "added_kv_proj_dim": 24},
    "first and last image": {"image_dim": 6, "added_kv_proj_dim": 24, "pos_embed_seq_len": 6},
}


@pytest.mark.parametrize("one", configurations(CLASS), ids=lambda one: one["id"])
def test_configurations(one: dict[str, Any]) -> None:
    parity = compare(CLASS, one["kwargs"], one["inputs"])
    assert parity.error < TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_arguments(name: str) -> None:
    arguments = {**TINY, **VARIANTS[name]}
    inputs = {
        "hidden_states": torch.randn(2, 4, 4, 6, 8),
        "timestep": torch.tensor([3, 900]),
        "encoder_hidden_states": torch.randn(2, 512 if "added_kv_proj_dim" in arguments else 5, 8),
    }
    if "image_dim" in arguments:
        pairs = 2 if "pos_embed_seq_len" in arguments else 1
        inputs["encoder_hidden_states_image"] = torch.randn(2 * pairs, 3, 6)
    assert compare(CLASS, arguments, inputs).error < TOLERANCE
