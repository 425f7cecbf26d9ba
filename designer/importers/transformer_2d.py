"""Transformer2DModel on patches: the name under which published files of DiT and PixArt call their class.

Diffusers loads such a file as DiTTransformer2DModel or PixArtTransformer2DModel, by its `norm_type`; so do we.
"""

from typing import Any

from designer.importers import Imported, Importer, dit, pixart
from designer.importers.config import Config

# Arguments of the old class that the new ones lack.
_OLD: dict[str, Any] = {"double_self_attention": False, "only_cross_attention": False, "num_vector_embeds": None, "use_linear_projection": False}  # fmt: skip
_OF_PIXART: dict[str, Any] = {"cross_attention_dim": None, "caption_channels": None, "attention_type": "default", "interpolation_scale": None, "use_additional_conditions": None}  # fmt: skip


def convert(config: Config) -> Imported:
    """Return the design and the weight rules of a Transformer2DModel that is a DiT or a PixArt."""
    norm = config.take("norm_type", "layer_norm")
    if norm not in ("ada_norm_zero", "ada_norm_single"):
        config.fail("norm_type", norm, "only DiT (ada_norm_zero) and PixArt (ada_norm_single) are known")
    for name, default in _OLD.items():
        config.refuse(name, default, "no published DiT or PixArt has it")
    if norm == "ada_norm_single":
        return pixart.convert(config)
    for name, default in _OF_PIXART.items():
        config.refuse(name, default, "a DiT has none")
    return dit.convert(config)


IMPORTER = Importer(source="Transformer2DModel", convert=convert)
