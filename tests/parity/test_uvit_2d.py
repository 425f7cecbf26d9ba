"""UVit2DModel against diffusers: the listed configuration, and others of the class."""

from typing import Any

import pytest

from designer.errors import UserError
from designer.importers import convert_config
from designer.importers.uvit_2d import IMPORTER
from tests.parity.harness import TOLERANCE, compare, configurations

KNOWN = {IMPORTER.source: IMPORTER}
SMALL: dict[str, Any] = {
    "hidden_size": 12, "cond_embed_dim": 6, "micro_cond_encode_dim": 4, "micro_cond_embed_dim": 12, "encoder_hidden_size": 10,
    "vocab_size": 21, "codebook_size": 20, "in_channels": 7, "block_out_channels": 8, "num_res_blocks": 2, "block_num_heads": 2,
    "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 9,
}  # fmt: skip


def _tensor(*shape: int, **more: Any) -> dict[str, Any]:
    return {"tensor": True, "shape": list(shape), "dtype": "float32", **more}


INPUTS: dict[str, Any] = {
    "input_ids": {"tensor": True, "shape": [2, 4, 6], "dtype": "int64", "min": 0, "max": 20},
    "encoder_hidden_states": _tensor(2, 5, 10),
    "pooled_text_emb": _tensor(2, 6),
    "micro_conds": _tensor(2, 3, value=[[512, 0, 6], [256, 3, 5]]),
}
OTHERS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "resampled": {"downsample": True, "upsample": True},
    "only down": {"downsample": True},
    "biases": {"use_bias": True, "hidden_dropout": 0.1, "downsample": True, "upsample": True},
    "plain norms": {"ln_elementwise_affine": False, "layer_norm_eps": 1e-3, "attention_dropout": 0.2},
    "one width": {"block_out_channels": 12, "use_bias": True},
    "no blocks": {"num_res_blocks": 0, "num_hidden_layers": 1},
}


@pytest.mark.parametrize("one", configurations("UVit2DModel"), ids=lambda one: one["id"])
def test_listed_configuration(one: dict[str, Any]) -> None:
    parity = compare(one["constructor"], one["kwargs"], one["inputs"], KNOWN)
    assert parity.error <= TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_configuration(name: str) -> None:
    assert compare(IMPORTER.source, SMALL | OTHERS[name], INPUTS, KNOWN).error <= TOLERANCE


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("block_num_heads", 3),
        ("num_attention_heads", 5),
        ("micro_cond_embed_dim", 13),
        ("norm_type", "layer_norm"),
    ],
)
def test_refused_by_name(argument: str, value: Any) -> None:
    with pytest.raises(UserError, match=argument):
        convert_config({"_class_name": IMPORTER.source, **SMALL, argument: value}, KNOWN)
