"""The images a smoke-train learns from, as one tensor in memory with labels.

Everything here ships with the package or is drawn from a seed; nothing is downloaded.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from designer.errors import UserError
from designer.train import synthetic
from designer.train.options import TrainOptions, image_files

if TYPE_CHECKING:
    from torch import Generator, Tensor

_SYNTHETIC_COUNT = 512
_CROPS = 512
_FOLDER_MAX = 4096
_DATA_SEED = 20240501


@dataclass(frozen=True)
class Dataset:
    """Samples [N, C, ...] float32, about unit range or unit variance, and labels [N] int64.

    `description` says in one line what the samples are and what was left out.
    """

    samples: "Tensor"
    labels: "Tensor"
    description: str

    def draw(self, count: int, generator: "Generator") -> tuple["Tensor", "Tensor"]:
        """Draw `count` samples with replacement: ([count, C, ...], [count]). `generator` lives on the CPU."""
        index = self.pick(count, generator)
        return self.samples[index], self.labels[index]

    def pick(self, count: int, generator: "Generator") -> "Tensor":
        """Draw the positions, [count], of `count` samples with replacement."""
        import torch

        return torch.randint(len(self.samples), (count,), generator=generator)


def load_data(options: TrainOptions, shape: tuple[int, ...]) -> Dataset:
    """Return the data `options` names, as samples of `shape` (C, H, W).

    Raises UserError when an image source is asked for a shape that is not C, H, W, or a folder has no
    readable image.
    """
    import torch

    generator = torch.Generator().manual_seed(_DATA_SEED)
    data = options.data if options.data != "auto" else "digits" if len(shape) == 3 else "latents"
    if data not in ("fields", "latents") and len(shape) != 3:
        raise UserError(
            f'data {data!r} are images C, H, W; this design takes {list(shape)}: use data "latents"'
        )
    if data == "digits":
        return _digits(shape)
    if data == "photos":
        return _photos(shape, generator)
    if data == "folder":
        return _folder(Path(options.data_folder or ""), shape)
    draw, text = _SYNTHETIC[data]
    labels = torch.arange(_SYNTHETIC_COUNT)
    return Dataset(draw(_SYNTHETIC_COUNT, shape, generator), labels, f"{_SYNTHETIC_COUNT} {text}")


_SYNTHETIC = {
    "fields": (synthetic.gaussian_fields, "Gaussian fields with a 1/f spectrum"),
    "leaves": (synthetic.dead_leaves, "dead-leaves images"),
    "latents": (synthetic.latents, "synthetic latents of unit variance"),
}


def _digits(shape: tuple[int, ...]) -> Dataset:
    import torch
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    return Dataset(
        _fit(images, shape), labels, f"{len(labels)} handwritten digits of scikit-learn, 8×8, resized"
    )


def _photos(shape: tuple[int, ...], generator: "Generator") -> Dataset:
    import torch
    from sklearn.datasets import load_sample_images

    photos = [torch.tensor(p).permute(2, 0, 1).float() / 127.5 - 1 for p in load_sample_images().images]
    crops = []
    for i in range(_CROPS):
        photo = photos[i % len(photos)]
        u = torch.rand(3, generator=generator).tolist()
        # side lengths uniform in the logarithm: details and whole scenes alike
        side = min(photo.shape[1:])
        size = max(8, int(side * (shape[1] / side) ** u[0])) if shape[1] < side else side
        top, left = int(u[1] * (photo.shape[1] - size)), int(u[2] * (photo.shape[2] - size))
        crops.append(_fit(photo[None, :, top : top + size, left : left + size], shape))
    labels = torch.arange(_CROPS) % len(photos)
    return Dataset(torch.cat(crops), labels, f"{_CROPS} multi-scale crops of scikit-learn's two photographs")


def _folder(folder: Path, shape: tuple[int, ...]) -> Dataset:
    import torch

    files = sorted(image_files(folder))[:_FOLDER_MAX]
    classes = {parent: i for i, parent in enumerate(sorted({file.parent for file in files}))}
    samples, labels = [], []
    for file in files:
        image = _read(file, shape)
        if image is not None:
            samples.append(image)
            labels.append(classes[file.parent])
    if not samples:
        raise UserError(f"data folder {folder}: none of its {len(files)} image files can be read")
    unread = len(files) - len(samples)
    text = f"{len(samples)} images of {folder.name}" + (f"; {unread} could not be read" if unread else "")
    return Dataset(torch.cat(samples), torch.tensor(labels), text)


def _read(file: Path, shape: tuple[int, ...]) -> "Tensor | None":
    """Return the image as [1, C, H, W] in [-1, 1], its centre square; None where PIL cannot read it."""
    import numpy as np
    import torch
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            mode = "L" if shape[0] == 1 else "RGB"
            size = (shape[2], shape[1])
            image = ImageOps.fit(
                ImageOps.exif_transpose(opened).convert(mode), size, Image.Resampling.LANCZOS
            )
            values = torch.from_numpy(np.array(image, dtype=np.float32)).view(shape[1], shape[2], -1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return _fit(values.permute(2, 0, 1)[None] / 127.5 - 1, shape)


def _fit(images: "Tensor", shape: tuple[int, ...]) -> "Tensor":
    """Resize [N, c, h, w] to `shape` and repeat or average channels to its C; values stay in [-1, 1]."""
    from torch.nn.functional import interpolate

    channels, size = shape[0], tuple(shape[1:])
    if tuple(images.shape[2:]) != size:
        shrinking = images.shape[2] > size[0]
        images = interpolate(
            images, size=size, mode="bicubic", align_corners=False, antialias=shrinking
        ).clamp(-1, 1)
    if channels == images.shape[1]:
        return images
    if channels == 1:
        return images.mean(dim=1, keepdim=True)
    copies = -(-channels // images.shape[1])
    return images.repeat(1, copies, 1, 1)[:, :channels]
