"""Conditions of text-to-image transformers: sizes, projected and pooled text, modulation shared by all blocks."""

from designer.library import Composite
from designer.presets.attention_parts import text_projection
from designer.presets.hunyuan_blocks import shifted_norm, text_pool
from designer.presets.pixart_conditions import MODULATION, NUMBERS, SIZE
from designer.presets.transformer_parts import TIMESTEP_EMBEDDER

_FAMILY = "Conditioning"

COMPOSITES = (
    Composite("TimestepEmbedder", _FAMILY, "Timestep embedder", "2.1.4", TIMESTEP_EMBEDDER),
    Composite("NumberEmbedder", _FAMILY, "Embedder of numbers", "2.3.3", NUMBERS),
    Composite("SizeEmbedder", _FAMILY, "Resolution and aspect ratio", "2.3.3", SIZE),
    Composite("TextProjection", _FAMILY, "Text projection", "2.3.2", text_projection()),
    Composite("TextPool", _FAMILY, "Attention pooling of a text", "2.3.2", text_pool()),
    Composite("SharedModulation", "Modulation", "Modulation shared by all blocks", "11.2", MODULATION),
    Composite("ShiftedNorm", "Modulation", "Norm shifted by the condition", "11.1", shifted_norm()),
)
