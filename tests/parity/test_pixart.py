"""PixArt against diffusers: every listed configuration, and others of the class."""

from typing import Any

import pytest
import torch
from diffusers import PixArtTransformer2DModel

from designer.errors import UserError
from designer.importers import convert_config
from designer.importers.pixart import IMPORTER
from designer.importers.weights import convert
from designer.presets import Preset
from designer.presets.pixart import PRESETS, pixart
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, compare, configurations, difference, randomize

KNOWN = {IMPORTER.source: IMPORTER}
SMALL: dict[str, Any] = {
    "sample_size": 8, "num_layers": 2, "attention_head_dim": 6, "num_attention_heads": 2, "cross_attention_dim": 12,
    "caption_channels": 10,
}  # fmt: skip
TEXT = {"tensor": True, "shape": [2, 5, 10], "dtype": "float32"}
INPUTS: dict[str, Any] = {
    "hidden_states": {"tensor": True, "shape": [2, 4, 8, 8], "dtype": "float32"},
    "timestep": {"tensor": True, "shape": [2], "dtype": "int64", "value": [3, 940]},
    "encoder_hidden_states": TEXT,
}
SIZES = {
    "resolution": {"tensor": True, "shape": [2, 2], "dtype": "float32", "value": [[512, 768], [640, 640]]},
    "aspect_ratio": {"tensor": True, "shape": [2, 1], "dtype": "float32", "value": [[0.67], [1.0]]},
}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, {}),
    "sized": ({"use_additional_conditions": True}, {"added_cond_kwargs": SIZES}),
    "wide map": ({}, {"hidden_states": {"tensor": True, "shape": [2, 4, 6, 12], "dtype": "float32"}}),
    "interpolation": ({"interpolation_scale": 2, "patch_size": 1}, {}),
    "no projection": ({"caption_channels": None, "cross_attention_dim": 10}, {}),
    "plain": ({"attention_bias": False, "norm_elementwise_affine": True, "norm_eps": 1e-3, "out_channels": None, "dropout": 0.3}, {}),
    "gelu": ({"activation_fn": "gelu"}, {}),
    "geglu": ({"activation_fn": "geglu"}, {}),
    "geglu-approximate": ({"activation_fn": "geglu-approximate"}, {}),
    "swiglu": ({"activation_fn": "swiglu"}, {}),
    "linear-silu": ({"activation_fn": "linear-silu"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("one", configurations("PixArtTransformer2DModel"), ids=lambda one: one["id"])
def test_listed_configuration(one: dict[str, Any]) -> None:
    parity = compare(one["constructor"], one["kwargs"], one["inputs"], KNOWN)
    assert parity.error <= TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_configuration(name: str) -> None:
    arguments, inputs = OTHERS[name]
    assert compare(IMPORTER.source, SMALL | arguments, INPUTS | inputs, KNOWN).error <= TOLERANCE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attention_type": "gated"}, "attention_type"),
        ({"cross_attention_dim": None}, "cross_attention_dim"),
        ({"cross_attention_dim": 16, "caption_channels": 8}, "cross_attention_dim"),
        ({"attention_head_dim": 3, "cross_attention_dim": 6}, "attention_head_dim"),
        ({"norm_type": "ada_norm_zero"}, "norm_type"),
        ({"num_embeds_ada_norm": None}, "num_embeds_ada_norm"),
        (
            {"use_additional_conditions": True, "attention_head_dim": 8, "cross_attention_dim": 16},
            "use_additional_conditions",
        ),
        ({"activation_fn": "relu"}, "activation_fn"),
    ],
)
def test_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        convert_config({"_class_name": IMPORTER.source, **SMALL, **arguments}, KNOWN)


def test_masked_text_is_that_of_the_class() -> None:
    """The presets' builder with a mask, which the class takes as an option."""
    torch.manual_seed(0)
    reference = randomize(PixArtTransformer2DModel(**SMALL).eval())
    imported = convert_config({"_class_name": IMPORTER.source, **SMALL}, KNOWN)
    document = pixart(imported.document["parameters"], masked=True, sample_size=8)
    model = load_model(render(read_design(document)))().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    model.load_state_dict(convert(imported.rules, reference.state_dict(), shapes), strict=True)
    x, t, context = torch.randn(2, 4, 8, 8), torch.tensor([3, 940]), torch.randn(2, 5, 10)
    mask = torch.tensor([[1.0, 1, 1, 0, 0], [1, 0, 0, 0, 0]])
    with torch.no_grad():
        wanted = reference(x, context, t, encoder_attention_mask=mask, return_dict=False)
        assert difference([model(x, t, context, mask)], list(wanted)) <= TOLERANCE


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_counts_are_equal(preset: Preset) -> None:
    assert preset.published in (None, preset.parameters)
