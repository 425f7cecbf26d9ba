"""Transformer2DModel: the name under which DiT and PixArt checkpoints were first published.

diffusers loads these as DiTTransformer2DModel and PixArtTransformer2DModel, by the kind of norm; so does the import.
"""

from designer.importers import Imported, Importer, dit, pixart
from designer.importers.config import Config

_WHY = "neither DiT nor PixArt has it"


def convert(config: Config) -> Imported:
    """Return the design of the class that the kind of norm names."""
    kind = config.take("norm_type", "layer_norm")
    if kind not in ("ada_norm_zero", "ada_norm_single"):
        config.fail("norm_type", kind, "only DiT (ada_norm_zero) and PixArt (ada_norm_single) are imported")
    for name in ("double_self_attention", "only_cross_attention", "use_linear_projection"):
        config.refuse(name, False, _WHY)
    config.refuse("num_vector_embeds", None, _WHY)
    if kind == "ada_norm_single":
        return pixart.convert(config)
    for name in ("cross_attention_dim", "caption_channels"):
        config.refuse(name, None, _WHY)
    config.refuse("attention_type", "default", _WHY)
    return dit.convert(config)


IMPORTER = Importer(source="Transformer2DModel", convert=convert)
