"""Images from a trained or exported model, with samplers in NumPy over PyTorch and ONNX networks alike.

Importing this package imports neither torch nor onnxruntime.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from designer.document import Design
from designer.errors import UserError
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
) -> Images:
    """Draw `n` images, float32 [n, C, H, W] about [-1, 1], from a run, an export or a design with `weights`.

    `labels` are the classes, repeated over the images (default: all classes in turn); `guidance` above 1
    pushes towards them. The same seed draws the same images from PyTorch and from ONNX, up to rounding.
    From the noise level `split` on (t/T, or sigma for edm and ve) the run or export `refiner` draws.
    `on_progress(done, of)` follows the work. Raises UserError for what cannot be used.
    """
    asked = Asked(sampler, steps, n, seed, labels, guidance)
    base, on_step = find_source(source, weights), on_progress or (lambda done, of: None)
    if refiner is None:
        if split is not None:
            raise UserError("split: needs a refiner to hand over to")
        return _draw(base, recipe_of(base, asked), on_step, time_limit_s, None)
    other = find_source(refiner)
    first, second = cascade(base, other, asked, split)
    images = _draw(base, first, on_step, time_limit_s, None)
    return _draw(other, second, on_step, time_limit_s, images)


def _draw(
    source: Source, recipe: Recipe, on_step: OnStep, time_limit_s: float, start: Images | None
) -> Images:
    """Draw along the levels of the recipe, from `start` or from noise."""
    if source.onnx is not None:
        from designer.sample.network import onnx_network

        return draw(onnx_network(source.onnx, source.inputs), recipe, on_step, start)
    from designer.sample.child import draw_in_child

    return draw_in_child(source, recipe, on_step, time_limit_s, start)
