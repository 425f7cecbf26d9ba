"""Images from a trained or exported model, with samplers in NumPy over PyTorch and ONNX networks alike.

Importing this package imports neither torch nor onnxruntime.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from designer.autoencoder import find_autoencoder
from designer.document import Design
from designer.errors import UserError
from designer.sample.decoding import decode_in_child
from designer.sample.loop import Recipe, draw
from designer.sample.recipes import Asked, cascade, recipe_of
from designer.sample.samplers import SAMPLERS, Images
from designer.sample.source import Source, find_source

__all__ = ["SAMPLERS", "sample"]
OnStep = Callable[[int, int], None]


def sample(
    source: Design | str | Path,
    sampler: str = "ddim",
    steps: int = 50,
    n: int = 16,
    seed: int = 0,
    labels: Sequence[int] | None = None,
    guidance: float = 1.0,
    weights: str | Path | None = None,
    on_progress: OnStep | None = None,
    time_limit_s: float = 3600.0,
    refiner: str | Path | None = None,
    split: float | None = None,
    decoder: str | Path | None = None,
) -> Images:
    """Draw `n` images, float32 [n, C, H, W] about [-1, 1], from a run, an export or a design with `weights`.

    `labels` are the classes, repeated over the images (default: all classes in turn); `guidance` above 1
    pushes towards them. The same seed draws the same images from PyTorch and from ONNX, up to rounding.
    From the noise level `split` on (t/T, or sigma for edm and ve) the run or export `refiner` draws.
    With `decoder`, the folder of an autoencoder (a model of diffusers, or a run), they are the pictures of the
    latents that were drawn. `on_progress(done, of)` follows the work. Raises UserError for what cannot be used.
    """
    asked = Asked(sampler, steps, n, seed, labels, guidance)
    base, on_step = find_source(source, weights), on_progress or (lambda done, of: None)
    if refiner is None and split is not None:
        raise UserError("split: needs a refiner to hand over to")
    other = base if refiner is None else find_source(refiner)
    recipes = (recipe_of(base, asked),) if refiner is None else cascade(base, other, asked, split)
    slot = None if decoder is None else find_autoencoder(decoder)
    if slot is not None:
        slot.require(recipes[0].shape, "the model draws")
    images = _draw(base, recipes[0], on_step, time_limit_s, None)
    for recipe in recipes[1:]:
        images = _draw(other, recipe, on_step, time_limit_s, images)
    return images if slot is None else decode_in_child(slot, images, time_limit_s)


def _draw(
    source: Source, recipe: Recipe, on_step: OnStep, time_limit_s: float, start: Images | None
) -> Images:
    """Draw along the levels of the recipe, from `start` or from noise."""
    if source.onnx is not None:
        from designer.sample.network import onnx_network

        return draw(onnx_network(source.onnx, source.inputs), recipe, on_step, start)
    from designer.sample.child import draw_in_child

    return draw_in_child(source, recipe, on_step, time_limit_s, start)
