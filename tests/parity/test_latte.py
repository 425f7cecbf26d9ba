"""Latte: the import computes what diffusers computes, with the same weights."""

from typing import Any

import pytest
import torch

from designer.importers import convert_config
from designer.reader import read_design
from designer.summary import summarize
from tests.parity.harness import TOLERANCE, compare, configurations

CLASS = "LatteTransformer3DModel"
TINY: dict[str, Any] = {
    "sample_size": 8, "num_layers": 2, "patch_size": 2, "attention_head_dim": 8, "num_attention_heads": 2,
    "caption_channels": 8, "in_channels": 4, "out_channels": 8, "cross_attention_dim": 16, "attention_bias": True,
    "activation_fn": "gelu-approximate", "num_embeds_ada_norm": 1000, "norm_type": "ada_norm_single",
    "norm_elementwise_affine": False, "norm_eps": 1e-6, "video_length": 3,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "three frames": {},
    "plain norms, gated MLP": {
        "norm_type": "layer_norm",
        "norm_elementwise_affine": True,
        "activation_fn": "geglu",
    },
    "learned norms, no bias, dropout": {
        "norm_elementwise_affine": True,
        "attention_bias": False,
        "dropout": 0.1,
    },
    "another size than the sample's": {"sample_size": 128, "patch_size": 1, "out_channels": None},
}


@pytest.mark.parametrize("one", configurations(CLASS), ids=lambda one: one["id"])
def test_configurations(one: dict[str, Any]) -> None:
    parity = compare(CLASS, one["kwargs"], one["inputs"])
    assert parity.error < TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_arguments(name: str) -> None:
    inputs = {
        "hidden_states": torch.randn(2, 4, 3, 6, 8),
        "timestep": torch.tensor([3, 900]),
        "encoder_hidden_states": torch.randn(2, 5, 8),
    }
    assert compare(CLASS, {**TINY, **VARIANTS[name]}, inputs).error < TOLERANCE


def test_without_cross_attention_the_text_is_not_read() -> None:
    document = convert_config({"_class_name": CLASS, **TINY, "cross_attention_dim": None}).document
    design = read_design(document)
    assert [port.name for port in design.main_definition.inputs] == ["hidden_states", "timestep"]
    assert summarize(design).parameters > 0
