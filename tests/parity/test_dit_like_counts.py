"""Published configurations of the DiT-like classes: imported, they have the published number of parameters."""

from typing import Any

import pytest

from designer.importers import convert_config, dit, hunyuan, pixart, uvit_2d
from designer.reader import read_design
from designer.summary import summarize

KNOWN = {module.IMPORTER.source: module.IMPORTER for module in (dit, hunyuan, pixart, uvit_2d)}
_DIT = {"out_channels": 8, "sample_size": 32, "patch_size": 2}
_PIXART = {"caption_channels": 4096, "cross_attention_dim": 1152, "out_channels": 8}
_HUNYUAN = {
    "use_style_cond_and_image_meta_size": False, "in_channels": 4, "patch_size": 2, "sample_size": 128, "hidden_size": 1408,
    "num_layers": 40, "mlp_ratio": 4.3637,
}  # fmt: skip
PUBLISHED: tuple[tuple[str, dict[str, Any], int], ...] = (
    (
        "DiTTransformer2DModel",
        {**_DIT, "num_attention_heads": 6, "attention_head_dim": 64, "num_layers": 12},
        39_805_088,
    ),
    ("DiTTransformer2DModel", _DIT, 749_826_464),
    ("PixArtTransformer2DModel", {**_PIXART, "sample_size": 32}, 610_856_096),
    ("PixArtTransformer2DModel", {**_PIXART, "sample_size": 128}, 611_349_152),
    ("HunyuanDiT2DModel", _HUNYUAN, 1_499_952_032),
    ("UVit2DModel", {"sample_size": 16}, 603_537_664),
)


@pytest.mark.parametrize(("source", "arguments", "count"), PUBLISHED)
def test_published_configuration_has_the_published_count(
    source: str, arguments: dict[str, Any], count: int
) -> None:
    imported = convert_config({"_class_name": source, **arguments}, KNOWN)
    assert summarize(read_design(imported.document)).parameters == count
