"""FLUX.1: the import computes what diffusers computes, with the same weights."""

from typing import Any

import pytest
import torch

from designer.errors import UserError
from designer.importers import convert_config
from tests.parity.harness import TOLERANCE, compare, configurations

TINY: dict[str, Any] = {
    "in_channels": 6, "num_layers": 2, "num_single_layers": 2, "attention_head_dim": 8, "num_attention_heads": 2,
    "joint_attention_dim": 12, "pooled_projection_dim": 10, "axes_dims_rope": [2, 2, 4],
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "guidance": {"guidance_embeds": True},
    "two axes": {"axes_dims_rope": (4, 4)},
    "patches": {"patch_size": 2, "out_channels": 3},
    "one stream only": {"num_layers": 0},
    "two streams only": {"num_single_layers": 0},
}


@pytest.mark.parametrize("one", configurations("FluxTransformer2DModel"), ids=lambda one: one["id"])
def test_configurations(one: dict[str, Any]) -> None:
    parity = compare(one["constructor"], one["kwargs"], one["inputs"])
    assert parity.error < TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_arguments(name: str) -> None:
    arguments = {**TINY, **VARIANTS[name]}
    axes = len(arguments["axes_dims_rope"])
    inputs = {
        "hidden_states": torch.randn(2, 7, 6),
        "encoder_hidden_states": torch.randn(2, 5, 12),
        "pooled_projections": torch.randn(2, 10),
        "timestep": torch.tensor([0.01, 0.9]),
        "img_ids": torch.arange(7.0)[:, None] * torch.arange(float(axes)),
        "txt_ids": torch.zeros(5, axes),
    }
    if arguments.get("guidance_embeds"):
        inputs["guidance"] = torch.tensor([1.0, 3.5])
    assert compare("FluxTransformer2DModel", arguments, inputs).error < TOLERANCE


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"axes_dims_rope": [4, 8]}, "axes_dims_rope"),
        ({"axes_dims_rope": [3, 5]}, "axes_dims_rope"),
        ({"num_heads": 2}, "num_heads"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        convert_config({"_class_name": "FluxTransformer2DModel", **TINY, **arguments})
