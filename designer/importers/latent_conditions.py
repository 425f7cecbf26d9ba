"""The arguments of conditional U-Nets that say what the time embedding and the context are made of."""

from collections.abc import Sequence

from designer.importers.config import Config
from designer.importers.latent_config import ACTIVATIONS
from designer.presets.latent_conditions import Condition, MicroConditioning, TimeEmbedding
from designer.presets.latent_labels import (
    ClassCondition,
    ContextProjection,
    HintedImage,
    ImageCondition,
    TextPooling,
)

OPTIONAL_INT = (int, type(None))
OPTIONAL_STR = (str, type(None))
CLASS_KINDS = {
    "timestep": "timestep",
    "identity": "identity",
    "projection": "projection",
    "simple_projection": "linear",
}


def sinusoids(config: Config) -> dict[str, int | bool]:
    """Return the order and shift of all sinusoids."""
    return {
        "cos_first": config.take("flip_sin_to_cos", True),
        "frequency_shift": config.take("freq_shift", 0, choices=(0, 1)),
    }


def optional_activation(config: Config, name: str) -> str:
    """Return the block of an activation that may be absent."""
    value = config.take(name, None, choices=(None, *ACTIVATIONS), kind=OPTIONAL_STR)
    return ACTIVATIONS[value] if value else ""


def read_class(
    config: Config, time: TimeEmbedding, act: str, kinds: Sequence[str], concat: bool = False
) -> list[Condition]:
    """Return what `class_embed_type` and `num_class_embeds` make of class_labels."""
    kind = config.take("class_embed_type", None, choices=(None, *kinds), kind=OPTIONAL_STR)
    count = config.take("num_class_embeds", None, kind=OPTIONAL_INT, minimum=1)
    size = config.take("projection_class_embeddings_input_dim", None, kind=OPTIONAL_INT, minimum=1)
    if kind is None:
        return [] if count is None else [ClassCondition("table", count, time, concat=concat)]
    if kind in ("projection", "simple_projection") and size is None:
        config.fail("class_embed_type", kind, "needs projection_class_embeddings_input_dim")
    if kind == "timestep" and time.fourier:
        config.fail("class_embed_type", kind, "random features shared with the timestep have no counterpart")
    return [ClassCondition(CLASS_KINDS[kind], size or 0, time, act, concat)]


def read_added(
    config: Config, time: TimeEmbedding, context_dim: int, text_dim: int | None, kinds: Sequence[str]
) -> list[Condition]:
    """Return what `addition_embed_type` adds to the time embedding."""
    kind = config.take("addition_embed_type", None, choices=(None, *kinds), kind=OPTIONAL_STR)
    total = config.take("projection_class_embeddings_input_dim", None, kind=OPTIONAL_INT, minimum=1)
    dim = config.take("addition_time_embed_dim", None, kind=OPTIONAL_INT, minimum=2)
    heads = config.take("addition_embed_type_num_heads", 64, minimum=1)
    if kind == "text":
        return [TextPooling(heads)]
    if kind == "text_image":
        return [ImageCondition(context_dim, context_dim)]
    if kind in ("image", "image_hint"):
        if text_dim is None:
            config.fail("addition_embed_type", kind, "needs encoder_hid_dim, the size of the image embedding")
        return [ImageCondition(text_dim) if kind == "image" else HintedImage(text_dim)]
    if kind is None:
        return []
    if total is None or dim is None or total <= dim:
        needs = "needs addition_time_embed_dim and a larger projection_class_embeddings_input_dim"
        config.fail("addition_embed_type", kind, needs)
    ids = _count_ids(total, dim, context_dim)
    return [MicroConditioning(total - ids * dim, ids, dim, time.cos_first, time.frequency_shift)]


def _count_ids(total: int, dim: int, context_dim: int) -> int:
    """Return how many numbers are embedded beside the pooled text; the arguments only state the sum of sizes.

    Six (SDXL), or five (its refiner) where only that leaves a pooled text that fits the context.
    """
    fits = [count for count in (6, 5) if total > count * dim]
    matching = [count for count in fits if context_dim % (total - count * dim) == 0]
    return (matching or fits or [1])[0]


def read_context(config: Config, context_dim: int) -> ContextProjection | None:
    """Return what `encoder_hid_dim_type` makes of the context."""
    size = config.take("encoder_hid_dim", None, kind=OPTIONAL_INT, minimum=1)
    kinds = ("text_proj", "text_image_proj", "image_proj")
    kind = config.take("encoder_hid_dim_type", None, choices=(None, *kinds), kind=OPTIONAL_STR)
    if size is None:
        if kind is not None:
            config.fail("encoder_hid_dim_type", kind, "needs encoder_hid_dim")
        return None
    if kind == "image_proj":
        return ContextProjection("image", size, context_dim, 32)
    if kind == "text_image_proj":
        return ContextProjection("text_image", size, context_dim, 10)
    return ContextProjection("text", size, context_dim)
