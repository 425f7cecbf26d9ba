"""CogVideoX: the import computes what diffusers computes, with the same weights."""

from typing import Any

import pytest
import torch

pytest.importorskip("diffusers")
from tests.parity.harness import TOLERANCE, compare, configurations

CLASS = "CogVideoXTransformer3DModel"
TINY: dict[str, Any] = {
    "num_attention_heads": 2, "attention_head_dim": 16, "in_channels": 4, "out_channels": 4, "time_embed_dim": 6,
    "text_embed_dim": 8, "num_layers": 2, "sample_width": 6, "sample_height": 8, "sample_frames": 9,
    "max_text_seq_length": 5,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "fixed positions": {"spatial_interpolation_scale": 1.5, "temporal_interpolation_scale": 2.0},
    "another size than the sample's": {"sample_width": 10, "sample_frames": 49, "out_channels": 6},
    "no biases, plain norms, dropout": {"attention_bias": False, "norm_elementwise_affine": False, "patch_bias": False, "dropout": 0.1},
    "other embedding of the timestep": {"flip_sin_to_cos": False, "freq_shift": 1, "timestep_activation_fn": "gelu", "norm_eps": 1e-3},
    "gated MLP, offset": {"activation_fn": "geglu", "ofs_embed_dim": 6},
    "patches over frames": {"patch_size_t": 3, "patch_size": 1, "use_rotary_positional_embeddings": True, "patch_bias": False},
    "learned positions": {"use_rotary_positional_embeddings": True, "use_learned_positional_embeddings": True},
}  # fmt: skip


@pytest.mark.parametrize("one", configurations(CLASS), ids=lambda one: one["id"])
def test_configurations(one: dict[str, Any]) -> None:
    parity = compare(CLASS, one["kwargs"], one["inputs"])
    assert parity.error < TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_arguments(name: str) -> None:
    arguments = {**TINY, **VARIANTS[name]}
    inputs = {
        "hidden_states": torch.randn(2, 3, 4, 8, 6),
        "encoder_hidden_states": torch.randn(2, 5, 8),
        "timestep": torch.tensor([3, 900]),
        **({"ofs": torch.tensor([2.0, 5.0])} if "ofs_embed_dim" in arguments else {}),
    }
    assert compare(CLASS, arguments, inputs).error < TOLERANCE
