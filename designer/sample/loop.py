"""The sampling loop: from noise to images with any network that is a function of arrays."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from designer.sample.samplers import STEPS, Images, estimate, presented
from designer.sample.schedule import Level
from designer.wrapping.noise import Process

BATCH = 64

Network = Callable[[Images, NDArray[np.float32], NDArray[np.int64] | None], Images]


@dataclass(frozen=True)
class Recipe:
    """All that decides the images besides the network. `labels` holds the class of each image, or is None.

    `path` are the noise levels, from the first to the one to end at; `shape` is [C, H, W]; `no_class` is the
    label that stands for "no class" in guidance. `stage` tells the noise of a cascade's stages apart.
    """

    sampler: str
    path: tuple[Level, ...]
    seed: int
    n: int
    shape: tuple[int, ...]
    process: Process
    clip: bool
    labels: tuple[int, ...] | None = None
    guidance: float = 1.0
    no_class: int = 0
    stage: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Recipe":
        """Return the recipe from its JSON values."""
        labels = values["labels"]
        read = {
            "path": tuple(Level(**one) for one in values["path"]),
            "process": Process.from_json(values["process"]),
            "shape": tuple(values["shape"]),
            "labels": None if labels is None else tuple(labels),
        }
        return Recipe(**{**values, **read})


def draw(
    network: Network,
    recipe: Recipe,
    on_step: Callable[[int, int], None] = lambda done, of: None,
    start: Images | None = None,
) -> Images:
    """Return images [n, C, H, W]. Image i depends on the seed and on i, not on how many are drawn.

    `start` are the samples at the first level (default: noise).
    """
    chunks = [range(first, min(first + BATCH, recipe.n)) for first in range(0, recipe.n, BATCH)]
    total = len(chunks) * (len(recipe.path) - 1)
    found = []
    for number, chunk in enumerate(chunks):
        streams = [_stream(recipe, index) for index in chunk]
        first = _noise(streams, recipe.shape) * np.float32(max(recipe.path[0].sigma, 1.0))
        x = first if start is None else start[chunk.start : chunk.stop]
        labels = (
            None if recipe.labels is None else np.array([recipe.labels[i] for i in chunk], dtype=np.int64)
        )
        for done, (level, lower) in enumerate(pairwise(recipe.path)):
            seen, t = presented(x, level, recipe.process)
            output = _guided(network, seen, t, labels, recipe)
            known = estimate(x, output, level, recipe.process, recipe.clip)
            noise = _noise(streams, recipe.shape) if recipe.sampler == "ddpm" else x
            x = STEPS[recipe.sampler](x, known, level, lower, noise).astype(np.float32)
            on_step(number * (len(recipe.path) - 1) + done + 1, total)
        found.append(x)
    return np.concatenate(found)


def _stream(recipe: Recipe, index: int) -> np.random.Generator:
    stage = [recipe.stage] if recipe.stage else []
    return np.random.default_rng([recipe.seed, index, *stage])


def _noise(streams: Sequence[np.random.Generator], shape: tuple[int, ...]) -> Images:
    return np.stack([stream.standard_normal(shape, dtype=np.float32) for stream in streams])


def _guided(
    network: Network, x: Images, time: float, labels: NDArray[np.int64] | None, recipe: Recipe
) -> Images:
    """Call the network; with guidance on both the class and no class (arXiv:2207.12598 eq. 6)."""
    t = np.full(len(x), time, dtype=np.float32)
    if labels is None or recipe.guidance == 1.0:
        return network(x, t, labels)
    nothing = np.full_like(labels, recipe.no_class)
    both = network(np.concatenate([x, x]), np.concatenate([t, t]), np.concatenate([labels, nothing]))
    given, free = np.split(both, 2)
    channels = x.shape[1]
    guided = free[:, :channels] + np.float32(recipe.guidance) * (given - free)[:, :channels]
    return np.concatenate([guided, given[:, channels:]], axis=1)
