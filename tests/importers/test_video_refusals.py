"""What the importers of video networks cannot honour they refuse by the argument's name."""

from typing import Any

import pytest

from designer.errors import UserError
from designer.importers import convert_config

LATTE = {"in_channels": 4, "patch_size": 2, "caption_channels": 8, "cross_attention_dim": 1408}
LEARNED = {"use_rotary_positional_embeddings": True, "use_learned_positional_embeddings": True}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("LatteTransformer3DModel", {**LATTE, "caption_channels": None}, "caption_channels"),
    ("LatteTransformer3DModel", {**LATTE, "cross_attention_dim": 7}, "cross_attention_dim"),
    ("LatteTransformer3DModel", {**LATTE, "norm_type": "ada_norm"}, "norm_type"),
    ("LatteTransformer3DModel", {**LATTE, "dropout": 1}, "dropout"),
    ("LatteTransformer3DModel", {**LATTE, "only_cross_attention": True}, "only_cross_attention"),
    ("LatteTransformer3DModel", {**LATTE, "video_lenght": 16}, "video_lenght"),
    ("WanTransformer3DModel", {"attention_head_dim": 7}, "attention_head_dim"),
    ("WanTransformer3DModel", {"patch_size": [2, 2]}, "patch_size"),
    ("WanTransformer3DModel", {"freq_dim": 7}, "freq_dim"),
    ("WanTransformer3DModel", {"added_kv_proj_dim": 5120}, "added_kv_proj_dim"),
    ("WanTransformer3DModel", {"added_kv_proj_dim": 64, "image_dim": 8}, "added_kv_proj_dim"),
    ("WanTransformer3DModel", {"image_dim": 8, "pos_embed_seq_len": 7}, "pos_embed_seq_len"),
    ("CogVideoXTransformer3DModel", {"patch_size_t": 2}, "patch_size_t"),
    ("CogVideoXTransformer3DModel", {"ofs_embed_dim": 64}, "ofs_embed_dim"),
    ("CogVideoXTransformer3DModel", {"freq_shift": 2}, "freq_shift"),
    ("CogVideoXTransformer3DModel", {**LEARNED, "sample_frames": 48}, "sample_frames"),
    ("CogVideoXTransformer3DModel", {**LEARNED, "sample_width": 91}, "sample_width"),
    (
        "CogVideoXTransformer3DModel",
        {**LEARNED, "use_rotary_positional_embeddings": False},
        "use_learned_positional_embeddings",
    ),
    (
        "UNetSpatioTemporalConditionModel",
        {"block_out_channels": [320, 640, 1280, 1290]},
        "block_out_channels",
    ),
    ("UNetSpatioTemporalConditionModel", {"num_attention_heads": [5, 10, 20, 7]}, "num_attention_heads"),
    ("UNetSpatioTemporalConditionModel", {"cross_attention_dim": [8, 8, 8, 9]}, "cross_attention_dim"),
    (
        "UNetSpatioTemporalConditionModel",
        {"transformer_layers_per_block": [[1, 2]] * 4},
        "transformer_layers_per_block",
    ),
    (
        "UNetSpatioTemporalConditionModel",
        {"projection_class_embeddings_input_dim": 700},
        "projection_class_embeddings_input_dim",
    ),
    ("UNetSpatioTemporalConditionModel", {"down_block_types": ["DownBlock3D"] * 4}, "down_block_types"),
]


@pytest.mark.parametrize(("source", "arguments", "name"), REFUSED)
def test_refused_by_name(source: str, arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(UserError, match=rf"{source}: the argument '{name}' is "):
        convert_config({"_class_name": source, **arguments})
