"""Transformer2DModel, as the published files of DiT and PixArt call their class, against diffusers."""

from typing import Any

import pytest

from designer.errors import UserError
from designer.importers import convert_config
from designer.importers.transformer_2d import IMPORTER
from tests.parity.harness import TOLERANCE, compare

KNOWN = {IMPORTER.source: IMPORTER}
# As in the files, with every argument of the old class.
OLD: dict[str, Any] = {
    "activation_fn": "gelu-approximate", "attention_bias": True, "attention_head_dim": 6, "cross_attention_dim": None,
    "double_self_attention": False, "dropout": 0.0, "in_channels": 4, "norm_elementwise_affine": False, "norm_num_groups": 32,
    "num_attention_heads": 2, "num_layers": 2, "num_vector_embeds": None, "only_cross_attention": False, "out_channels": 8,
    "patch_size": 2, "sample_size": 8, "upcast_attention": False, "use_linear_projection": False, "num_embeds_ada_norm": 1000,
}  # fmt: skip
DIT = {**OLD, "norm_type": "ada_norm_zero", "norm_eps": 1e-5}
PIXART = {
    **OLD, "norm_type": "ada_norm_single", "norm_eps": 1e-6, "attention_type": "default", "caption_channels": 10,
    "cross_attention_dim": 12,
}  # fmt: skip
INPUTS: dict[str, Any] = {
    "hidden_states": {"tensor": True, "shape": [2, 4, 8, 8], "dtype": "float32"},
    "timestep": {"tensor": True, "shape": [2], "dtype": "int64", "value": [3, 940]},
}
LABELS = {"class_labels": {"tensor": True, "shape": [2], "dtype": "int64", "value": [2, 1000]}}
TEXT = {"encoder_hidden_states": {"tensor": True, "shape": [2, 5, 10], "dtype": "float32"}}


@pytest.mark.parametrize(("arguments", "inputs"), [(DIT, LABELS), (PIXART, TEXT)], ids=["DiT", "PixArt"])
def test_published_file(arguments: dict[str, Any], inputs: dict[str, Any]) -> None:
    assert compare(IMPORTER.source, arguments, INPUTS | inputs, KNOWN).error <= TOLERANCE


@pytest.mark.parametrize(
    ("argument", "value"),
    [("norm_type", "layer_norm"), ("num_vector_embeds", 100), ("cross_attention_dim", 8)],
)
def test_refused_by_name(argument: str, value: Any) -> None:
    with pytest.raises(UserError, match=argument):
        convert_config({"_class_name": IMPORTER.source, **DIT, argument: value}, KNOWN)
