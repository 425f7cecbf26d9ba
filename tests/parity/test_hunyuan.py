"""Hunyuan-DiT against diffusers: the listed configurations, others of the class, the preset's own positions."""

from typing import Any

import pytest
import torch
from diffusers import HunyuanDiT2DModel
from diffusers.models.embeddings import get_2d_rotary_pos_embed

from blocks.rotary_features import scaled_rotary_2d
from designer.errors import UserError
from designer.importers import convert_config
from designer.importers.hunyuan import IMPORTER
from designer.importers.weights import convert
from designer.presets import Preset
from designer.presets.hunyuan import PRESETS, hunyuan
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, compare, configurations, difference, randomize, tensor_of

KNOWN = {IMPORTER.source: IMPORTER}
SMALL: dict[str, Any] = {
    "sample_size": 8, "patch_size": 2, "in_channels": 4, "num_layers": 4, "attention_head_dim": 8, "num_attention_heads": 2,
    "cross_attention_dim": 6, "cross_attention_dim_t5": 8, "pooled_projection_dim": 4, "hidden_size": 16, "text_len": 4,
    "text_len_t5": 3, "use_style_cond_and_image_meta_size": False,
}  # fmt: skip


def _tensor(*shape: int, **more: Any) -> dict[str, Any]:
    return {"tensor": True, "shape": list(shape), "dtype": "float32", **more}


INPUTS: dict[str, Any] = {
    "hidden_states": _tensor(2, 4, 8, 12),
    "timestep": _tensor(2, value=[44.0, 239.0]),
    "encoder_hidden_states": _tensor(2, 4, 6),
    "text_embedding_mask": _tensor(2, 4, value=[[1, 1, 1, 1], [1, 1, 0, 0]]),
    "encoder_hidden_states_t5": _tensor(2, 3, 8),
    "text_embedding_mask_t5": _tensor(2, 3, value=[[1, 0, 0], [1, 1, 0]]),
    "image_rotary_emb": [_tensor(24, 8), _tensor(24, 8)],
}
STYLED: dict[str, Any] = {
    "image_meta_size": _tensor(2, 6, value=[[1024, 768, 512, 512, 0, 3], [640, 640, 512, 512, 7, 0]]),
    "style": {"tensor": True, "shape": [2], "dtype": "int64", "value": [0, 0]},
}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, {}),
    "two blocks": ({"num_layers": 2}, {}),
    "one block": ({"num_layers": 1}, {}),
    "styled": ({"use_style_cond_and_image_meta_size": True}, STYLED),
    "plain": ({"learn_sigma": False, "mlp_ratio": 2.7, "activation_fn": "geglu"}, {}),
    "gelu": ({"activation_fn": "gelu", "num_layers": 8}, {}),
}


@pytest.mark.parametrize("one", configurations("HunyuanDiT2DModel"), ids=lambda one: one["id"])
def test_listed_configuration(one: dict[str, Any]) -> None:
    parity = compare(one["constructor"], one["kwargs"], one["inputs"], KNOWN)
    assert parity.error <= TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_configuration(name: str) -> None:
    arguments, inputs = OTHERS[name]
    assert compare(IMPORTER.source, SMALL | arguments, INPUTS | inputs, KNOWN).error <= TOLERANCE


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("num_layers", 5),
        ("hidden_size", 20),
        ("attention_head_dim", 7),
        ("cross_attention_dim_t5", 12),
        ("in_channels", None),
        ("activation_fn", "relu"),
        ("qk_norm", True),
    ],
)
def test_refused_by_name(argument: str, value: Any) -> None:
    with pytest.raises(UserError, match=argument):
        convert_config({"_class_name": IMPORTER.source, **SMALL, argument: value}, KNOWN)


def test_own_positions_are_those_of_the_pipeline() -> None:
    wanted = get_2d_rotary_pos_embed(16, ((0, 0), (4, 4)), (6, 6), output_type="pt")
    found = scaled_rotary_2d(torch.zeros(1, 1, 12, 12), head_size=16, patch_size=2, base_size=4)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_preset_with_its_own_positions_is_the_class() -> None:
    torch.manual_seed(0)
    reference = randomize(HunyuanDiT2DModel(**SMALL).eval())
    imported = convert_config({"_class_name": IMPORTER.source, **SMALL}, KNOWN)
    document = hunyuan({**imported.document["parameters"], "base_size": 3}, sample_size=8)
    model = load_model(render(read_design(document)))().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    model.load_state_dict(convert(imported.rules, reference.state_dict(), shapes), strict=True)
    values = {name: tensor_of(one) for name, one in INPUTS.items()}
    values["hidden_states"] = torch.randn(2, 4, 8, 8)
    values["image_rotary_emb"] = get_2d_rotary_pos_embed(8, ((0, 0), (3, 3)), (4, 4), output_type="pt")
    with torch.no_grad():
        wanted = list(reference(**values, return_dict=False))
        found = model(*list(values.values())[:-1])
    assert difference([found], wanted) <= TOLERANCE


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_counts_are_equal(preset: Preset) -> None:
    assert preset.published in (None, preset.parameters)
