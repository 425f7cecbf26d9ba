"""DiTTransformer2DModel against diffusers: the listed configuration, and others of the class."""

from typing import Any

import pytest

from designer.errors import UserError
from designer.importers import convert_config
from designer.importers.dit import IMPORTER
from tests.parity.harness import TOLERANCE, compare, configurations

KNOWN = {IMPORTER.source: IMPORTER}
SMALL: dict[str, Any] = {
    "sample_size": 8, "num_layers": 3, "attention_head_dim": 4, "num_attention_heads": 3, "num_embeds_ada_norm": 7,
}  # fmt: skip
INPUTS: dict[str, Any] = {
    "hidden_states": {"tensor": True, "shape": [2, 4, 8, 8], "dtype": "float32"},
    "timestep": {"tensor": True, "shape": [2], "dtype": "int64", "value": [3, 940]},
    "class_labels": {"tensor": True, "shape": [2], "dtype": "int64", "value": [2, 7]},
}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, {}),
    "one block": ({"num_layers": 1}, {}),
    "large map": ({}, {"hidden_states": {"tensor": True, "shape": [2, 4, 12, 12], "dtype": "float32"}}),
    "more out": ({"out_channels": 5}, {}),
    "fewer out": ({"out_channels": 1}, {}),
    "channels": ({"in_channels": 3, "out_channels": 6, "patch_size": 4}, {"hidden_states": {"tensor": True, "shape": [2, 3, 8, 8], "dtype": "float32"}}),
    "plain": ({"attention_bias": False, "norm_elementwise_affine": True, "norm_eps": 1e-2, "dropout": 0.3, "upcast_attention": True}, {}),
    **{name: ({"activation_fn": name}, {}) for name in ("gelu", "geglu", "geglu-approximate", "swiglu", "linear-silu")},
}  # fmt: skip


@pytest.mark.parametrize("one", configurations("DiTTransformer2DModel"), ids=lambda one: one["id"])
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
        ("norm_type", "layer_norm"),
        ("num_embeds_ada_norm", None),
        ("activation_fn", "relu"),
        ("bias", True),
        ("attention_head_dim", 3),
    ],
)
def test_refused_by_name(argument: str, value: Any) -> None:
    with pytest.raises(UserError, match=argument):
        convert_config({"_class_name": IMPORTER.source, **SMALL, argument: value}, KNOWN)
