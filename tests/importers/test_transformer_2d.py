"""Configurations as DiT and PixArt were published import as the classes that diffusers loads for them."""

from typing import Any

import pytest

from designer.errors import UserError
from designer.importers import convert_config

SHARED: dict[str, Any] = {
    "activation_fn": "gelu-approximate", "attention_bias": True, "attention_head_dim": 72, "dropout": 0.0, "in_channels": 4,
    "norm_elementwise_affine": False, "norm_num_groups": 32, "num_attention_heads": 16, "num_embeds_ada_norm": 1000,
    "num_layers": 28, "only_cross_attention": False, "out_channels": 8, "patch_size": 2, "upcast_attention": False,
    "num_vector_embeds": None, "use_linear_projection": False,
}  # fmt: skip
DIT = {**SHARED, "norm_type": "ada_norm_zero", "sample_size": 32, "cross_attention_dim": None}
PIXART = {
    **SHARED, "norm_type": "ada_norm_single", "sample_size": 64, "cross_attention_dim": 1152, "caption_channels": 4096,
    "norm_eps": 1e-6, "double_self_attention": False, "attention_type": "default",
}  # fmt: skip
LEGACY = ("num_vector_embeds", "only_cross_attention", "use_linear_projection", "double_self_attention")


@pytest.mark.parametrize(
    ("arguments", "name"), [(DIT, "DiTTransformer2DModel"), (PIXART, "PixArtTransformer2DModel")]
)
def test_published_configurations_are_those_of_the_later_class(arguments: dict[str, Any], name: str):
    dropped = {*LEGACY, *(("cross_attention_dim",) if name.startswith("DiT") else ())}
    later = {key: value for key, value in arguments.items() if key not in dropped}
    found = convert_config({"_class_name": "Transformer2DModel", **arguments})
    assert found == convert_config({"_class_name": name, **later})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm_type": "layer_norm"}, "'norm_type' is 'layer_norm': only DiT (ada_norm_zero) and PixArt"),
        ({"use_linear_projection": True}, "'use_linear_projection' is True: neither DiT nor PixArt has it"),
        ({"cross_attention_dim": 8}, "'cross_attention_dim' is 8: neither DiT nor PixArt has it"),
    ],
)
def test_other_transformers_are_refused_by_name(change: dict[str, Any], message: str):
    with pytest.raises(UserError) as error:
        convert_config({"_class_name": "Transformer2DModel", **DIT, **change})
    assert message in str(error.value)
