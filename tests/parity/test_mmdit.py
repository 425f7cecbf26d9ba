"""SD3 and SD3.5: the import computes what diffusers computes, with the same weights."""

from typing import Any

import pytest
import torch

from designer.errors import UserError
from designer.importers import convert_config
from tests.parity.harness import TOLERANCE, compare, configurations

TINY: dict[str, Any] = {
    "sample_size": 8, "patch_size": 2, "in_channels": 4, "out_channels": 4, "num_layers": 3, "attention_head_dim": 8,
    "num_attention_heads": 2, "joint_attention_dim": 12, "caption_projection_dim": 16, "pooled_projection_dim": 10,
    "pos_embed_max_size": 9,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "a dual block between": {"dual_attention_layers": [1], "num_layers": 4, "qk_norm": "rms_norm"},
    "the last block dual": {"dual_attention_layers": (0, 2)},
    "layer norm": {"qk_norm": "layer_norm"},
    "layer norm without weights": {"qk_norm": "fp32_layer_norm", "dual_attention_layers": [0]},
    "one block": {"num_layers": 1},
    "positions stretched": {"pos_embed_max_size": None},
    "other channels": {"out_channels": None, "in_channels": 3, "patch_size": 1, "pos_embed_max_size": 14},
}


@pytest.mark.parametrize("one", configurations("SD3Transformer2DModel"), ids=lambda one: one["id"])
def test_configurations(one: dict[str, Any]) -> None:
    parity = compare(one["constructor"], one["kwargs"], one["inputs"])
    assert parity.error < TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_arguments(name: str) -> None:
    arguments = {**TINY, **VARIANTS[name]}
    inputs = {
        "hidden_states": torch.randn(2, arguments["in_channels"], 8, 12),
        "encoder_hidden_states": torch.randn(2, 5, 12),
        "pooled_projections": torch.randn(2, 10),
        "timestep": torch.tensor([3.0, 900.0]),
    }
    assert compare("SD3Transformer2DModel", arguments, inputs).error < TOLERANCE


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"caption_projection_dim": 24}, "caption_projection_dim"),
        ({"qk_norm": "rms_norm_across_heads"}, "qk_norm"),
        ({"pos_embed_max_size": 0}, "pos_embed_max_size"),
        ({"num_layers": 0}, "num_layers"),
        ({"dual_attention_layer": [0]}, "dual_attention_layer"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        convert_config({"_class_name": "SD3Transformer2DModel", **TINY, **arguments})
